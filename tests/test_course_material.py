"""What teachers read and show: lecture plans, decks, the quiz bank, the project, explanations."""

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from course import collect, decks, pages, references, report
from course.grader import assignment as assignments
from course.grader.judge import Result
from course.quiz import bank
from course.quiz.questions import QUESTIONS

KEY = b"k" * 32
PLANS = decks.plans()
TEXTS = ["README.md", "syllabus.md", "project.md", *(f"lectures/{week}.md" for week in PLANS)]


def read(root, name):
    return (root / "course" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TEXTS)
def test_the_book_is_cited_by_labels_that_are_there(name, root):
    text = read(root, name)
    assert set(references.CITED.findall(text)) <= references.labels().keys()
    assert not re.search(r"\b(?:[Cc]hapters?|[Tt]heorem|[Ll]ab|[Ff]igure|Proposition) \d", text)


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_linked_are_there(name, root):
    path = root / "course" / name
    for target in re.findall(r"\]\((?!http)([^)]+)\)", read(root, name)):
        assert (path.parent / target).exists(), target


def test_every_figure_of_the_book_with_a_name_can_be_shown(root):
    text = "".join(path.read_text(encoding="utf-8") for path in (root / "book").glob("*.md"))
    assert set(re.findall(r"^:name: (fig-\S+)$", text, re.MULTILINE)) == references.figures().keys()
    assert all(path.exists() for path, _ in references.figures().values())


def test_ten_weeks_have_a_plan_and_a_place_in_the_syllabus(root):
    assert list(PLANS) == [f"week_{week:02}" for week in range(1, 11)]
    text = read(root, "syllabus.md")
    for week, plan in PLANS.items():
        assert f"lectures/{week}.md" in text
        chapters = re.findall(r"\[\[(\d\d_\w+)\]\]", plan.split("##")[0])
        assert chapters
        assert all(f"[[{chapter}]]" in text for chapter in chapters)


@pytest.mark.parametrize("week", PLANS)
def test_a_plan_has_a_proof_three_figures_two_questions_and_a_live_page(week):
    _, found = decks.parts(PLANS[week])
    assert tuple(found) == decks.SECTIONS
    labels = references.labels()
    proved = decks.cited(found["On the board"])[0]
    assert re.match(r"the (theorem|proposition|lemma)", labels[proved][0])
    assert re.findall(r"^(\d)\. ", found["On the board"], re.MULTILINE) == list("12345")
    figures = [decks.cited(item)[0] for _, item in decks.ITEM.findall(found["Three figures"])]
    assert len(set(figures) & references.figures().keys()) == 3
    asked = re.findall(r"^### \[\[(ex-\S+)\]\]", found["Two questions"], re.MULTILINE)
    assert len(asked) == 2
    assert found["Two questions"].count("*Right:*") == 2
    assert found["Two questions"].count("*Expect:*") >= 2
    assert decks.cited(found["Live"])[0].startswith("lab-")
    assert "estimates" in found["Minutes"]


def test_decks_show_what_the_plans_say_and_can_be_carried(tmp_path):
    decks.write(tmp_path, "https://book")
    pages = {path.stem: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.html")}
    assert pages.keys() == PLANS.keys()
    for text in pages.values():
        assert "[[" not in text.replace("[[0", "")
        assert text.count("<img ") == 3
        assert len(re.findall(r'alt="[^"]{40}', text)) == 3
        for address in re.findall(r'(?:src|href)="([^"]+)"', text):
            assert address.startswith("https://book/") or (tmp_path / address).is_file(), address
        bodies, notes = (
            re.sub(r"(?s)<aside.*?</aside>", "", text),
            re.findall(r"(?s)<aside.*?</a", text),
        )
        assert "Wrong answers to expect" not in bodies
        assert len(notes) == 6
    assert r"\(D^* = p / (p + q)\)" in pages["week_01"], "no sign of a formula is Markdown's"


def test_texts_become_pages_whose_links_lead_somewhere(tmp_path):
    pages.write(tmp_path, "https://book", "mathjax.js")
    for name in pages.texts():
        text = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert "<table>" in text or name.startswith("lectures/")
        assert not re.search(r"\[\[[\w-]+\]\]", text)
        for target in re.findall(r'href="(?!https://book/)([^"]+)"', text):
            assert ((tmp_path / f"{name}.html").parent / target).is_file(), target


# --- the quiz bank -------------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_both_ways_to_an_answer_agree(question):
    texts = set()
    for seed in range(10):
        drawn = question.draw(np.random.default_rng(seed))
        off = abs(drawn.other() - drawn.answer)
        assert off <= max(question.tolerance * abs(drawn.answer), 1e-9), seed
        texts.add(drawn.text)
        assert not re.search(r"\{[a-z_]\w*[:}]|np\.|\bnan\b", drawn.text), "a number is missing"
        assert drawn.text.count(r"\(") == drawn.text.count(r"\)")
    assert len(texts) >= 3
    assert question.label in references.labels()


def test_questions_are_enough_for_each_week():
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS) >= 24
    weeks = [question.week for question in QUESTIONS]
    assert all(weeks.count(week) >= bank.ON_PAPER for week in range(1, 11))


def test_moodles_file_is_numerical_questions_in_categories():
    text = bank.moodle(KEY)
    assert text == bank.moodle(KEY) != bank.moodle(b"j" * 32)
    entries = ET.fromstring(text).findall("question")
    categories = [entry for entry in entries if entry.get("type") == "category"]
    assert len(categories) == len(QUESTIONS)
    numerical = [entry for entry in entries if entry.get("type") == "numerical"]
    assert len(numerical) + len(categories) == len(entries)
    assert len({entry.findtext("questiontext/text") for entry in numerical}) == len(numerical)
    for entry in numerical:
        assert np.isfinite(float(entry.findtext("answer/text")))
        assert float(entry.findtext("answer/tolerance")) >= 0
        assert entry.find("answer").get("fraction") == "100"


def test_paper_has_other_numbers_in_each_form_and_answers_apart(tmp_path):
    bank.write(tmp_path, KEY, "mathjax.js")
    for name in bank.QUIZZES:
        forms = bank.forms(KEY, name)
        assert len({tuple(drawn.text for _, drawn in sheet) for sheet in forms.values()}) == 4
        sheet = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        answers = (tmp_path / f"{name}_answers.html").read_text(encoding="utf-8")
        assert "See the" not in sheet
        assert all(bank.rounded(drawn.answer) in answers for _, drawn in forms["A"])


# --- the project, and explanations ---------------------------------------------------------------


def test_rubric_of_the_project_has_a_hundred_points(root):
    rows = re.findall(r"^\| (\d+) \|", read(root, "project.md"), re.MULTILINE)
    assert sum(map(int, rows)) == 100
    assert "negative result gets full marks" in read(root, "project.md")


def cell(kind, text, **metadata):
    return {"cell_type": kind, "source": text.splitlines(keepends=True), "metadata": metadata}


MARK = {"nbgrader": {"grade_id": "a1-explanation"}}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([cell("markdown", "task"), cell("markdown", "It *is*,\nsee?", **MARK)], "It *is*,\nsee?"),
        ([cell("markdown", "*Your explanation:*", **MARK)], ""),
        ([cell("markdown", "*Your explanation:* as it turns")], "as it turns"),
        ([cell("code", "measured = 3"), cell("markdown", "as"), cell("code", "x = 1")], "as"),
        ([cell("code", "x = 1")], ""),
    ],
)  # fmt: skip
def test_explanations_are_found(cells, expected):
    assert collect.explanation(json.dumps({"cells": cells}).encode()) == expected


@pytest.mark.parametrize("data", [b"", b"[]", b'{"cells": 3}', b'{"cells": [3]}'])
def test_a_broken_notebook_has_no_explanation(data):
    assert collect.explanation(data) == ""


def test_explanations_are_gathered_for_the_marker(tmp_path):
    personal = {"student_id": "1", "predicted": 2.0, "measured": 3.0, "right": False}
    results = [
        Result(name, assignments.load("a1", KEY), personal=personal) for name in ("Ada", "Bea")
    ]
    report.write(results, tmp_path, "Two players", {"Ada": "<script>bad()</script> it turns"})
    text = (tmp_path / "explanations.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;bad()" in text
    assert "<script>" not in text
    assert "(nothing)" in text
    assert "The same wrong number as Bea" in text
    assert "which is not the number" in text
