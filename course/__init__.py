"""The course: assignments, the grader that takes them back, and what is built from both.

An assignment is a folder ``course/assignments/aN_slug/``:

    assignment.py   cells (see `cells`); it runs as a script and is the reference solution
    checks.py       what is asked (see `grader.checks`): FUNCTIONS by question, TWISTS, MODULES that
                    the students' processes import, ``personal(student_id)`` of the prediction
    probes.py       how functions are called where calling them is not enough; holds no answer
    wrong.py        mistakes with their bands, and right answers in another style (see `rehearsal`)
    guide.md        for teachers: common mistakes, questions for a code walk

``[[label]]`` in a text cites the book by label. The functions of one variant's checks and mistakes
carry ``twist=``; cells too. `grader` runs and judges, `build` and `package` make what a term needs,
`collect` and `report` take a class's work and give it back, and `rehearsal` grades the assignment's
own mistakes, which tests/test_course.py does at many seeds. A fault of a script that students are
to mend stands in its answer cell behind ``# instead:``. `decks` makes slides of the lecture plans,
`pages` pages of the texts, and `quiz` has questions with random numbers. README.md is for teachers.
"""
