"""Instances of the questions, drawn by the teacher's key, for Moodle and for paper."""

import html
import xml.etree.ElementTree as ET

from course import references, report
from course.grader.checks import generator
from course.quiz.questions import QUESTIONS

VARIANTS = 20  # of a question in Moodle's bank
FORMS = "ABCD"
QUIZZES = {"quiz_1": range(1, 6), "quiz_2": range(6, 11)}
ON_PAPER = 2  # questions a week


def instance(question, key, *words):
    """Draws numbers for a question.

    Args:
        question: `questions.Question`.
        key: the teacher's, bytes.
        *words: which of its instances.

    Returns:
        `questions.Instance`.
    """
    return question.draw(generator(key, "quiz", question.name, *words))


def variants(question, key):
    """Returns different instances of a question: `VARIANTS`, or as many as its numbers allow."""
    found = {}
    for number in range(10 * VARIANTS):
        drawn = instance(question, key, "moodle", str(number))
        found.setdefault(drawn.text, drawn)
        if len(found) == VARIANTS:
            break
    return list(found.values())


def rounded(number):
    """Returns a number as a key of answers has it: four significant digits."""
    return f"{number:.4g}"


def allowed(question, number):
    """Returns by how much an answer may be off; never less than half of its third decimal."""
    return question.tolerance and max(question.tolerance * abs(number), 5e-4)


def _text(parent, tag, text, **attributes):
    ET.SubElement(ET.SubElement(parent, tag, attributes), "text").text = text


def moodle(key):
    """Makes the bank for Moodle.

    Args:
        key: the teacher's, bytes.

    Returns:
        Moodle XML, a string. Each question is a category of its instances, from which a quiz takes a
        random one for each student.
    """
    quiz = ET.Element("quiz")
    for question in QUESTIONS:
        category = ET.SubElement(quiz, "question", type="category")
        name = question.title.replace("/", "//")
        _text(category, "category", f"$course$/top/GANs/Week {question.week:02}/{name}")
        for number, drawn in enumerate(variants(question, key), 1):
            entry = ET.SubElement(quiz, "question", type="numerical")
            _text(entry, "name", f"{question.title} {number:02}")
            _text(entry, "questiontext", f"<p>{drawn.text}</p>", format="html")
            _text(entry, "generalfeedback", f"<p>{source(question)}</p>", format="html")
            ET.SubElement(entry, "defaultgrade").text = "1"
            answer = ET.SubElement(entry, "answer", fraction="100", format="moodle_auto_format")
            ET.SubElement(answer, "text").text = repr(float(drawn.answer))
            ET.SubElement(answer, "tolerance").text = repr(
                float(allowed(question, drawn.answer) or 0)
            )
    ET.indent(quiz)
    return ET.tostring(quiz, encoding="unicode", xml_declaration=True) + "\n"


def source(question):
    """Returns where in the book the answer follows from, as HTML."""
    words = references.resolve(f"[[{question.label}]]", None).replace("*", "")
    return f"See {html.escape(words, quote=False)}."


def forms(key, name):
    """Chooses the questions of a quiz on paper, the same for all forms, with other numbers in each.

    Args:
        key: the teacher's, bytes.
        name: a key of `QUIZZES`.

    Returns:
        A dict: form -> list of (`questions.Question`, `questions.Instance`).
    """
    chosen = []
    for week in QUIZZES[name]:
        pool = [question for question in QUESTIONS if question.week == week]
        order = generator(key, "quiz", name, str(week)).permutation(len(pool))
        chosen += [pool[k] for k in sorted(order[:ON_PAPER])]
    return {form: [(q, instance(q, key, name, form)) for q in chosen] for form in FORMS}


def write(folder, key, mathjax):
    """Writes ``moodle.xml``, and for each quiz the sheets and the key of answers.

    Args:
        folder: where to; it is made.
        key: the teacher's, bytes.
        mathjax: the address of MathJax, relative to the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "moodle.xml").write_text(moodle(key), encoding="utf-8")
    page = report.templates().get_template("quiz.html")
    for name in QUIZZES:
        found = {
            form: [
                {
                    "text": drawn.text,
                    "title": question.title,
                    "answer": rounded(drawn.answer),
                    "allowed": rounded(allowed(question, drawn.answer)),
                    "source": source(question),
                }
                for question, drawn in sheet
            ]
            for form, sheet in forms(key, name).items()
        }
        for with_answers, stem in ((False, name), (True, f"{name}_answers")):
            text = page.render(
                name=name.replace("_", " ").capitalize(),
                forms=found,
                with_answers=with_answers,
                mathjax=mathjax,
            )
            (folder / f"{stem}.html").write_text(text, encoding="utf-8")
