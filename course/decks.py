"""A deck of slides for each week, made from the lecture plans by reveal.js.

A plan is Markdown with the headings of `SECTIONS`. Its figures are the book's. What the plan says
to the lecturer (what to ask at a figure, which wrong answers to expect) goes into the notes, which
the key S opens.
"""

import re
import shutil
from pathlib import Path

from course import references, report

HERE = Path(__file__).parent
VENDOR = HERE.parent / "book" / "vendor"
SECTIONS = ("This week", "On the board", "Three figures", "Two questions", "Live", "Minutes")
ITEM = re.compile(r"^- (?:\*(\w+):\* )?(.*(?:\n  .*)*)", re.MULTILINE)


def plans():
    """Returns the lecture plans: "week_01" -> text."""
    paths = sorted((HERE / "lectures").glob("week_*.md"))
    return {path.stem: path.read_text(encoding="utf-8") for path in paths}


def parts(plan):
    """Splits a plan at its headings.

    Args:
        plan: Markdown.

    Returns:
        A pair: the title with the paragraph below it, and a dict of heading -> text. What stands
        behind a colon in a heading is the first line of its text.
    """
    head, *rest = re.split(r"^## ", plan, flags=re.MULTILINE)
    title, _, words = head.removeprefix("# ").partition("\n")
    found = {}
    for part in rest:
        line, _, text = part.partition("\n")
        name, _, about = line.partition(": ")
        found[name] = f"{about}\n{text}".strip()
    return (title, words.strip()), found


def cited(text):
    """Returns the labels in a text, in order."""
    return references.CITED.findall(text)


def slides(plan, base):
    """Makes the slides of a plan.

    Args:
        plan: Markdown.
        base: the address of the rendered book, or None.

    Returns:
        A list of columns; each is a list of dicts with ``kind``, ``title``, ``text`` (Markdown) and
        ``notes`` (Markdown), and ``figure`` (a label) where there is one.
    """

    def slide(kind, title, text="", notes="", figure=None):
        text, notes = (references.resolve(words, base) for words in (text, notes))
        return {"kind": kind, "title": title, "text": text, "notes": notes, "figure": figure}

    (title, words), found = parts(plan)
    columns = [[slide("title", title, words, found["Minutes"])]]
    columns.append([slide("list", "This week", found["This week"])])
    name, _, board = found["On the board"].partition("\n")
    statement, _, steps = board.strip().partition("\n\n1. ")
    name = name[0].upper() + name[1:]
    columns.append([slide("text", name, statement), slide("steps", name, f"1. {steps}")])
    column = []
    for _, item in ITEM.findall(found["Three figures"]):
        label = cited(item)[0]
        page = references.labels()[label][0].partition("` in *")[2].rstrip("*")
        column.append(slide("figure", page, "", item, label))
    columns.append(column)
    for part in re.split(r"^### ", found["Two questions"], flags=re.MULTILINE)[1:]:
        line, _, text = part.partition("\n")
        question, answers = text.strip().split("\n\n", 1)
        items = ITEM.findall(answers)
        right = "\n\n".join(item for kind, item in items if kind == "Right")
        expected = "\n".join(f"- {item}" for kind, item in items if kind == "Expect")
        notes = f"From {line}. Wrong answers to expect:\n\n{expected}"
        columns.append([slide("text", "A question", question, notes), slide("text", "And", right)])
    columns.append([slide("text", "Live", found["Live"])])
    return columns


def write(folder, base):
    """Writes all decks, with the scripts and figures that they need: the folder can be carried.

    Args:
        folder: where to; it is made.
        base: the address of the rendered book, or None.
    """
    page = report.templates().get_template("deck.html")
    for name in ("reveal", "mathjax"):
        shutil.copytree(VENDOR / name, folder / "vendor" / name, dirs_exist_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
    for week, plan in plans().items():
        columns = slides(plan, base)
        for slide in (slide for column in columns for slide in column if slide["figure"]):
            path, slide["alt"] = references.figures()[slide["figure"]]
            slide["file"] = path.name
            shutil.copyfile(path, folder / "figures" / path.name)
        text = page.render(title=columns[0][0]["title"], columns=columns)
        (folder / f"{week}.html").write_text(text, encoding="utf-8")
