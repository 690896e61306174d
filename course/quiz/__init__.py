"""Questions with random numbers for supervised quizzes, as Moodle XML and on paper.

`questions` holds them, each with an answer and a second way to it, which tests compare; `bank` draws
instances by the teacher's key and writes them.
"""
