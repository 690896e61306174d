"""One volume as one page of HTML: title, contents, and the book's pages in its own style."""

import html
import re
from pathlib import Path

import yaml

import ganlib
from tools.print import pages as book

HERE = Path(__file__).parent
MATHJAX = re.compile(r"<script>(window\.MathJax = \{.*?\})</script>")
TEMPLATE = """<!doctype html>
<html lang="en" data-theme="light" data-mode="light" class="paper"><head><meta charset="utf-8">
<title>{title}</title>
{styles}
<script>{mathjax};
MathJax.startup = {{typeset: false}};
MathJax.options.enableAssistiveMml = false;</script>
<script src="{folder}/_static/mathjax/tex-chtml.js"></script>
<script>{script}</script>
</head><body><main><article class="bd-article">
{body}
</article></main>
{targets}
</body></html>
"""


def settings():
    """Returns the book's settings, those of ``_config.yml``."""
    return yaml.safe_load((book.ROOT / "_config.yml").read_text(encoding="utf-8"))


def file_name(volume):
    """Returns the name of a volume's file; links from the other volume contain it."""
    return f"gans-by-experiment-{volume}.pdf"


def title_page(subtitle):
    """Returns the first page of a volume, or of the e-book, which is one."""
    config, address = settings(), book.site_address()
    lines = [f"Version {ganlib.__version__}", f"© {config['copyright']} {config['author']}"]
    lines += ["Text and figures under CC BY 4.0, code under the MIT licence"]
    link = f'<p><a href="{address}">{address}</a></p>' if address else ""
    logo = (book.ROOT / config["logo"]).read_text(encoding="utf-8")
    volume = f'<p class="volume">{subtitle}</p>' if subtitle else ""
    text = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return (
        f'<section class="title-page">{logo}<p class="title">{html.escape(config["title"])}</p>'
        f"{volume}{link}{text}</section>"
    )


def contents(pages):
    """Returns the printed contents: parts, pages and their sections; the numbers come later."""
    lines = []
    for page in pages:
        if page.part:
            lines.append(f'<p class="contents-part">{html.escape(page.part)}</p>')
        for heading in page.article.select("h1, h2"):
            inner = html.escape(book.plain(heading))
            if heading.select(".math"):
                inner = "".join(str(child) for child in heading.contents)
            kind = f"contents-{heading.name} depth-{page.depth}"
            lines.append(f'<a class="{kind}" href="#{heading["id"]}">{inner}</a>')
    return (
        '<nav class="book-contents"><p class="contents-title">Contents</p>'
        + "".join(lines)
        + "</nav>"
    )


def sections(pages):
    """Returns the pages one after the other, and a rule for the running head of each."""
    rules, parts = [], []
    for number, page in enumerate(pages):
        head = re.sub(r'[\\"]', r"\\\g<0>", page.title)
        rules.append(f'@page page{number} {{ @top-right {{ content: "{head}"; }} }}')
        part = f'<p class="part">{html.escape(page.part)}</p>' if page.part else ""
        parts.append(
            f'<section class="page" id="{page.slug}" style="page: page{number}">{part}'
            f"{page.article.decode_contents()}</section>"
        )
    return rules, parts


def destinations(pages, everything):
    """Returns the ids that need a name in the file: of pages and headings, and linked from afar."""
    wanted = {heading["id"] for page in pages for heading in page.article.find_all(book.HEADINGS)}
    wanted |= {page.slug for page in pages}
    before = f"{book.OTHER_VOLUME}{pages[0].volume}#"
    for page in everything:
        links = (link["href"] for link in page.article.select(f'a[href^="{before}"]'))
        wanted |= {link.removeprefix(before) for link in links}
    wanted |= {f"{page.slug}--last-formula" for page in pages if page.article.select(".math")}
    return sorted(wanted)


def volume_page(site, volume, everything):
    """Returns the page of HTML that is printed.

    Args:
        site: path of the built book.
        volume: a name of `book.VOLUMES`.
        everything: list of Page, of all volumes that are printed.

    Returns:
        str.
    """
    pages = [page for page in everything if page.volume == volume]
    rules, parts = sections(pages)
    folder = site.resolve().as_uri()
    sheets = dict.fromkeys(path for page in pages for path in page.styles)
    styles = [f'<link rel="stylesheet" href="{folder}/{path}">' for path in sheets]
    css = (HERE / "print.css").read_text(encoding="utf-8")
    styles.append("<style>" + css + "\n".join(rules) + "</style>")
    return TEMPLATE.format(
        title=html.escape(f"{settings()['title']}: {book.VOLUMES[volume][1].lower()}"),
        styles="\n".join(styles),
        mathjax=mathjax_settings(site, everything),
        folder=folder,
        script=(HERE / "page.js").read_text(encoding="utf-8"),
        body=title_page(book.VOLUMES[volume][1]) + contents(pages) + "\n".join(parts),
        # Chromium gives an address to what is linked, and asks not whether the link is shown.
        targets="<nav hidden>"
        + "".join(f'<a href="#{name}"></a>' for name in destinations(pages, everything))
        + "</nav>",
    )


def mathjax_settings(site, pages):
    """Returns the statement that sets MathJax up on the site; it is the same on all pages."""
    for page in pages:
        if found := MATHJAX.search((site / f"{page.name}.html").read_text(encoding="utf-8")):
            return found[1]
    return "window.MathJax = {options: {}}"  # no page has a formula
