"""The book cited by label: ``[[thm-frechet]]`` in an assignment becomes a title, and a link.

Numbers change with the book's order; labels do not.
"""

import functools
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CITED = re.compile(r"\[\[([\w-]+)\]\]")
DIRECTIVE = re.compile(
    r"^[:`]{3,}\{(?:prf:)?([\w-]+)\} *(.*)\n(?:(?::(?!label:).*)\n)*:label: ([\w-]+)$", re.MULTILINE
)
FIGURE = re.compile(
    r"^[:`]{3,}\{figure\} (\S+)\n(?:(?::(?!name:).*)\n)*:name: ([\w-]+)\n(?:(?::(?!alt:).*)\n)*"
    r":alt: (.+)$",
    re.MULTILINE,
)
TABLE = re.compile(
    r"^[:`]{3,}\{(?:list-|csv-)?table\} *(.*)\n(?:(?::(?!name:).*)\n)*:name: ([\w-]+)$",
    re.MULTILINE,
)
EQUATION = re.compile(r"^\$\$ \(([\w-]+)\)$", re.MULTILINE)
HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)
SECTION = re.compile(r"^\(([\w-]+)\)=\n+#+ (.+)$", re.MULTILINE)
MEASURED = re.compile(r"\{\{.*?\}\}")  # a number that the book fills in
TITLE_OF_A_LAB = re.compile(r"^# Lab \d+: (.+)$", re.MULTILINE)
SENTENCE_BEGINS = re.compile(r"(?:^|[.!?]\s+|\n\n)$")
TITLE = re.compile(r"^# (?:\d+ · )?(.+)$", re.MULTILINE)


@functools.cache
def labels():
    """Returns what can be cited: label -> (words, address below the book's)."""
    found = {}
    for path in sorted((ROOT / "book").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        title, page = TITLE.search(text)[1], f"book/{path.stem}.html"
        found[path.stem] = (f"*{title}*", page)
        for kind, name, label in DIRECTIVE.findall(text):
            name = name.removeprefix("★ ")  # which marks what a first reading may skip
            words = f"the {kind} “{name}” in *{title}*" if name else f"the {kind} in *{title}*"
            found[label] = (words, f"{page}#{label}")
        for _, label, _ in FIGURE.findall(text):
            found[label] = (f"the figure `{label}` in *{title}*", f"{page}#{label}")
        for _, label in TABLE.findall(text):
            found[label] = (f"the table `{label}` in *{title}*", f"{page}#{label}")
        for equation in EQUATION.finditer(text):
            section = HEADING.findall(text, 0, equation.start())[-1]
            words = f"the equation in the section “{section}” of *{title}*"
            found[equation[1]] = (words, f"{page}#equation-{equation[1]}")
        for label, name in SECTION.findall(text):
            found[label] = (f"the section “{name}” in *{title}*", f"{page}#{label}")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        title = TITLE_OF_A_LAB.search(first)[1]
        found[f"lab-{path.stem}"] = (f"the lab *{title}*", f"notebooks/{path.stem}.html")
    return found


@functools.cache
def figures():
    """Returns the book's figures: label -> (file, what it shows in words)."""
    found = {}
    for path in sorted((ROOT / "book").glob("*.md")):
        for name, label, alt in FIGURE.findall(path.read_text(encoding="utf-8")):
            found[label] = (path.parent / name, MEASURED.sub("…", alt))
    return found


def address():
    """Returns the address of the rendered book, or None where the repository has none yet."""
    text = (ROOT / "_config.yml").read_text(encoding="utf-8")
    owner, name = re.search(r"url: https://github\.com/([^/\s]+)/([^/\s]+)", text).groups()
    return (
        None if (owner, name) == ("OWNER", "NAME") else f"https://{owner.lower()}.github.io/{name}"
    )


def resolve(text, base):
    """Replaces the labels in a text.

    Args:
        text: Markdown.
        base: the address of the rendered book, or None for titles without links.

    Returns:
        Markdown.

    Raises:
        ValueError: if a label is not in the book.
    """

    def cite(match):
        label = match[1]
        if label not in labels():
            raise ValueError(
                f"received [[{label}]]; expected a label of the book. Look for it in book/*.md."
            )
        words, page = labels()[label]
        if SENTENCE_BEGINS.search(text[: match.start()]):
            words = words[0].upper() + words[1:]
        return f"[{words}]({base}/{page})" if base else words

    return CITED.sub(cite, text)
