"""What comes back from grading a class: a table for the teacher, a page for each student, JSON."""

import collections
import csv
import json
import re
from pathlib import Path

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin

from course.grader import gradescope

HERE = Path(__file__).parent


def templates():
    """Returns jinja2's environment: it escapes all that a student may have written."""
    loader = jinja2.FileSystemLoader(HERE / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    )
    markdown = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
    for kind, marks in (("math_inline", "()"), ("math_block", "[]")):
        markdown.add_render_rule(kind, formula(*marks))
    environment.filters["markdown"] = lambda text: Markup(markdown.render(text))
    return environment


def formula(begin, end):
    """Returns how a formula is written, so that MathJax finds it and Markdown leaves it alone."""
    return lambda self, tokens, at, *_: f"\\{begin}{escape(tokens[at].content)}\\{end}"


def file_name(student):
    """Returns a name for a student's files, without what file systems or browsers dislike."""
    return re.sub(r"[^\w.()-]+", "_", student).strip("._") or "student"


def same_numbers(results):
    """Finds equal wrong numbers: each student's is another, so an equal one was copied.

    Args:
        results: list of `judge.Result`.

    Returns:
        A dict: student -> the others who have typed the same wrong number for the prediction.
    """
    groups = collections.defaultdict(list)
    for result in results:
        measured = result.personal.get("measured")
        if isinstance(measured, float) and not result.personal.get("right"):
            groups[measured].append(result.student)
    return {name: sorted({*group} - {name}) for group in groups.values() for name in group}


def row(result, same):
    """Returns a student's line of the table, a dict."""
    personal = result.personal
    scores = {question: result.of_question(question) for question in result.assignment.questions}
    return {
        "student": result.student,
        "student_id": personal.get("student_id"),
        "status": "ungraded" if result.score is None else "graded",
        "score": result.score,
        "of": result.max_score,
        **scores,
        "predicted": personal.get("predicted"),
        "measured": personal.get("measured"),
        "measured right": {True: "yes", False: "no"}.get(personal.get("right"), ""),
        "same wrong number as": "; ".join(same.get(result.student, ())),
        "explanation (0 to 2)": "",
        "notes": " ".join([*result.notes, *(text.splitlines()[-1] for text in result.trouble)]),
    }


def cell(value):
    """Returns what stands in the table: a spreadsheet must not take a name for a formula."""
    text = "" if value is None else str(value)
    is_formula = text[:1] in ("=", "+", "-", "@", "\t") and not isinstance(value, int | float)
    return f"'{text}" if is_formula else text


def write(results, folder, title, explanations=None):
    """Writes ``grades.csv``, ``feedback/*.html``, ``results/*.json`` and ``explanations.html``.

    Args:
        results: list of `judge.Result` of one assignment, at least one.
        folder: where to; it is made.
        title: the assignment's.
        explanations: a dict, student -> what was written about the prediction. None: no
            page of them.
    """
    same = same_numbers(results)
    page = templates().get_template("feedback.html")
    for name in ("feedback", "results"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for result in results:
        name = file_name(result.student)
        text = page.render(result=result, title=title)
        (folder / "feedback" / f"{name}.html").write_text(text, encoding="utf-8")
        text = json.dumps(gradescope.as_results(result), indent=1)
        (folder / "results" / f"{name}.json").write_text(text, encoding="utf-8")
    if explanations is not None and results[0].assignment.personal:
        text = (
            templates()
            .get_template("explanations.html")
            .render(results=results, title=title, explanations=explanations, same=same)
        )
        (folder / "explanations.html").write_text(text, encoding="utf-8")
    rows = [row(result, same) for result in results]
    with (folder / "grades.csv").open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows({name: cell(value) for name, value in line.items()} for line in rows)
