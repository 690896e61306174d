"""The pages of the built book, made ready for paper and for e-books.

What only a screen has goes: buttons, scripts, the pictures of the dark mode. What is folded is
open. A page that computes is its still picture and a link to the site. Ids get the page's name in
front, so that many pages can be one, and links between pages lead within it.
"""

import copy
import dataclasses
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

import bs4
import yaml

from tools.sphinx_pages import site_url

ROOT = Path(__file__).resolve().parents[2]
# Name -> (folder of its pages, title). They are files beside each other, with links between them.
VOLUMES = {"chapters": ("book", "The chapters"), "labs": ("notebooks", "The labs")}
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
# Links within a volume have the form `#page--id`; from one volume to another this is before it.
OTHER_VOLUME = "https://volume.invalid/"
SCREEN_ONLY = (
    "a.headerlink, button, input, select, form, script, style, noscript, iframe, .only-dark, "
    "details.hide > summary, .prev-next-footer"
)
ELSEWHERE = re.compile(r"(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
ARTICLE = re.compile(r'<article class="bd-article.*</article>', re.DOTALL)
STYLE_SHEET = re.compile(r'<link\b[^>]*\brel="stylesheet"[^>]*>')
PATH = re.compile(r'\bhref="(?P<path>[^"?]+)')
DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
DRAWING_ID = re.compile(r'(\s(?:id|aria-labelledby|aria-describedby)="|url\(#|href="#)(?=[^"#)])')
NO_SCRIPT = re.compile(r"^\s*Here would be controls, but no script runs\.\s*")


@dataclasses.dataclass
class Page:
    """A page of the book.

    Attributes:
        name: its name in ``_toc.yml``, such as ``book/02_two_networks``.
        part: caption of the part that it opens in its volume, or "".
        depth: 0 for a chapter, 1 for what is nested under one.
        article: bs4 tag with its content, changed for paper; None until `prepare`.
        ids: what links may lead to.
        styles: paths, below the site, of its style sheets.
    """

    name: str
    part: str = ""
    depth: int = 0
    article: bs4.Tag | None = None
    ids: frozenset = frozenset()
    styles: tuple = ()

    @property
    def slug(self):
        """The name that its ids begin with."""
        return self.name.replace("/", "-")

    @property
    def volume(self):
        """The volume that it belongs to."""
        folder = self.name.split("/")[0]
        return next(name for name, (own, _) in VOLUMES.items() if own == folder)

    @property
    def title(self):
        """Its first heading."""
        return plain(self.article.h1)


def plain(tag):
    """Returns the text of a heading, with the formulas as they are written in TeX."""
    tag = copy.copy(tag)
    for link in tag.select("a.headerlink"):
        link.decompose()
    return re.sub(r"\\[()]", "", " ".join(tag.get_text().split()))


def listed(only=()):
    """Returns the pages of ``_toc.yml`` in their order.

    Args:
        only: names of pages, such as ``book/02_two_networks``; all of them if empty.

    Returns:
        list of Page, each without its content.

    Raises:
        ValueError: if there is no page of such a name.
    """
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [("", 0, toc["root"])]
    for part in toc["parts"]:
        for chapter in part["chapters"]:
            entries.append((part["caption"], 0, chapter["file"]))
            entries += [(part["caption"], 1, one["file"]) for one in chapter.get("sections", [])]
    if unknown := {*only} - {name for _, _, name in entries}:
        raise ValueError(
            f"got {sorted(unknown)}, expected names of _toc.yml, such as {toc['root']!r}; take "
            "them from there."
        )
    pages, opened = [], set()
    for caption, depth, name in entries:
        if not only or name in only:
            page = Page(name, depth=depth)
            page.part = "" if (page.volume, caption) in opened else caption
            opened.add((page.volume, caption))
            pages.append(page)
    return pages


def site_address():
    """Returns where the book is published, or "" while the repository has no address."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return site_url(config["repository"]["url"])


def source(site, name):
    """Returns the article of a built page, parsed, and the paths of its style sheets.

    The ids within drawings are unlike each other.

    Args:
        site: path of the built book.
        name: of the page.

    Returns:
        (article, styles): bs4 tag; tuple of str, below the site.
    """
    numbers = iter(range(1_000_000))

    def own(match):
        prefix = f"{name.replace('/', '-')}--drawing{next(numbers)}-"
        return DRAWING_ID.sub(rf"\g<1>{prefix}", match[0])

    text = (site / f"{name}.html").read_text(encoding="utf-8")
    article = DRAWING.sub(own, ARTICLE.search(text)[0])
    links = [match["path"] for match in map(PATH.search, STYLE_SHEET.findall(text)) if match]
    folder = posixpath.dirname(name)
    styles = (posixpath.join(folder, link) for link in links if not ELSEWHERE.match(link))
    return bs4.BeautifulSoup(article, "html.parser").article, tuple(map(posixpath.normpath, styles))


# ---- what a page loses and keeps ----------------------------------------------------------------


def new_tag(name, text="", **attributes):
    """Returns a new element."""
    tag = bs4.BeautifulSoup("", "html.parser").new_tag(name, attrs=attributes)
    tag.string = text
    return tag


def unfold(article):
    """Makes boxes of what is folded: a summary becomes the first line."""
    for fold in article.select("details"):
        if summary := fold.find("summary", recursive=False):
            summary.name = "p"
            summary["class"] = [*summary.get("class", []), "unfolded-title"]
        fold.name = "div"
        fold.attrs.pop("open", None)
        fold["class"] = [*fold.get("class", []), "unfolded"]


def on_site(what, name, address):
    """Returns the line that says where something moves that cannot move on paper."""
    line = new_tag("p", f"In the book’s web pages {what}", **{"class": "on-site"})
    if address:
        line.append(": ")
        line.append(new_tag("a", f"{address}{name}.html", href=f"{address}{name}.html"))
    line.append(".")
    return line


def still(article, name, address):
    """Leaves pictures of what moves: films, and pages that compute, which end with the picture."""
    for film in article.select("figure.gan-player"):
        for key in [key for key in film.attrs if key.startswith("data-")]:
            del film[key]
        film.insert_after(on_site("this film plays", name, address))
    for block in article.select("div.live"):
        for text in block.find_all(string=NO_SCRIPT):
            text.replace_with(NO_SCRIPT.sub("", text))
        block.append(on_site("this computes in your browser", name, address))
        if "live-brief" not in block["class"]:
            for section in article.select("section section"):
                section.decompose()


def in_drawing(tag):
    """Returns whether an element is a drawing or a part of one."""
    return tag.name == "svg" or tag.find_parent("svg") is not None


def name_ids(article, slug):
    """Puts the page's name before its ids, which are each there once; headings get one."""
    seen = set()
    for number, heading in enumerate(article.find_all(HEADINGS)):
        heading["id"] = f"heading-{number}"
    for tag in article.select("[id]"):
        if in_drawing(tag):  # they are named already
            continue
        if tag["id"] == "proof":  # the style sheet knows a proof by it
            tag["class"] = [*tag.get("class", []), "is-proof"]
        if tag["id"] in seen:  # sphinx-proof calls the content of each box the same
            del tag["id"]
            continue
        seen.add(tag["id"])
        tag["id"] = f"{slug}--{tag['id']}"
    for key in ("aria-labelledby", "aria-describedby", "for"):
        for tag in article.select(f"[{key}]"):
            if not in_drawing(tag):
                tag[key] = " ".join(f"{slug}--{name}" for name in tag[key].split())
    return frozenset(seen)


def prepare(site, page, address):
    """Fills in a page's content: all but its links.

    Args:
        site: path of the built book.
        page: Page.
        address: of the published site, or "".
    """
    article, page.styles = source(site, page.name)
    for tag in article.select(SCREEN_ONLY):
        tag.decompose()
    unfold(article)
    still(article, page.name, address)
    for tag in article.select("[data-definition]"):
        del tag["data-definition"]
    for image in article.select("img[src]"):
        if not ELSEWHERE.match(image["src"]):
            path = (site / page.name).parent / unquote(image["src"].split("?")[0])
            image["src"] = path.resolve().as_uri()
    page.ids = name_ids(article, page.slug)
    page.article = article


# ---- links --------------------------------------------------------------------------------------


def address_of(link, page, printed, address):
    """Returns where a link of a page leads on paper, or None if nowhere.

    Args:
        link: str, what it is on the site.
        page: Page that has it.
        printed: dict of name -> Page, those that are printed now.
        address: of the published site, or "".

    Returns:
        str: ``#slug`` or ``#slug--id`` within the volume, the same after `OTHER_VOLUME` and the
        volume's name, or an address elsewhere.
    """
    if ELSEWHERE.match(link):
        return link
    path, _, anchor = link.partition("#")
    folder = posixpath.dirname(page.name)
    path = posixpath.normpath(posixpath.join(folder, path)) if path else f"{page.name}.html"
    there = printed.get(path.removesuffix(".html"))
    anchor = unquote(anchor)
    if there is None or "=" in anchor:  # settings of a page that computes
        if address:
            return f"{address}{path}" + (f"#{anchor}" if anchor else "")
        if there is None:
            return None
    # A page that computes has lost its text: links to that lead to its beginning.
    shortened = there.article.select_one("div.live:not(.live-brief)") is not None
    lost = "=" in anchor or (shortened and anchor not in there.ids)
    target = f"#{there.slug}" + (f"--{anchor}" if anchor and not lost else "")
    return target if there.volume == page.volume else f"{OTHER_VOLUME}{there.volume}{target}"


def turn_links(pages, address):
    """Leads the links of pages within what is printed; what leads nowhere is text.

    Args:
        pages: list of Page, prepared.
        address: of the published site, or "".
    """
    printed = {page.name: page for page in pages}
    for page in pages:
        for link in page.article.select("a[href]"):
            target = address_of(link["href"], page, printed, address)
            if target is None:
                link.name = "span"
                del link["href"]
            else:
                link["href"] = target


def assembled(site, pages):
    """Returns the pages of the built book, ready for paper.

    Args:
        site: path of the built book.
        pages: list of Page, from `listed`.
    """
    address = site_address()
    for page in pages:
        prepare(site, page, address)
    turn_links(pages, address)
    return pages
