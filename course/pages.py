"""The course's texts as pages with links into the book: syllabi, the project, lecture plans."""

import re
from pathlib import Path

from course import references, report

HERE = Path(__file__).parent
LINK = re.compile(r"\]\(((?!http)[^)]+)\.md\)")


def texts():
    """Returns the files that become pages, relative to this folder, without their endings."""
    plans = sorted((HERE / "lectures").glob("week_*.md"))
    return ["syllabus", "project", *(f"lectures/{path.stem}" for path in plans)]


def write(folder, base, mathjax):
    """Writes the pages.

    Args:
        folder: where to; it is made.
        base: the address of the rendered book, or None.
        mathjax: the address of MathJax, relative to the folder.
    """
    page = report.templates().get_template("page.html")
    for name in texts():
        text = (HERE / f"{name}.md").read_text(encoding="utf-8")
        body = LINK.sub(r"](\1.html)", references.resolve(text, base))
        path = folder / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        title = text.partition("\n")[0].removeprefix("# ")
        up = "../" * name.count("/")
        html = page.render(title=title, body=body, mathjax=f"{up}{mathjax}")
        path.write_text(html, encoding="utf-8")
