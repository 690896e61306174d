"""Compares a printed volume with the site it was made from."""

import io
import itertools
from collections import Counter

import numpy as np
import pikepdf
import pypdfium2
from PIL import Image

from tools.print import finish
from tools.print import pages as book
from tools.print.browser import new_tab

PIXELS_PER_POINT = 96 / 72
ZOOM = 4  # of the pictures that are compared, over CSS pixels
ROOM = 1.5  # pixels of CSS on each side of a formula, where page.js leaves more
INK = 128  # grey that is darker
MAX_RATIO = 1.15  # between the proportions: Chromium prints in whole pixels
HEIGHT, ASIDE = 40, 2  # pixels: to which both are brought, and by which they are shifted
MIN_CORRELATION = 0.6  # of these pixels; those of other formulas have less than 0.2


# ---- bookmarks and links ------------------------------------------------------------------------


def headings_of_site(site, page):
    """Returns the texts of a page's headings, as the site has them."""
    article, _ = book.source(site, page.name)
    if article.select_one("div.live:not(.live-brief)"):  # of which only the beginning is printed
        return [book.plain(article.h1)]
    return [book.plain(heading) for heading in article.find_all(book.HEADINGS)]


def bookmarks_of(pdf):
    """Returns the titles of all bookmarks."""
    with pdf.open_outline() as outline:
        found, waiting = [], list(outline.root)
        while waiting:
            item = waiting.pop()
            found.append(str(item.title))
            waiting += item.children
    return found


def bookmark_complaints(pdf, headings):
    """Returns where bookmarks and headings differ."""
    marked, wanted = Counter(bookmarks_of(pdf)), Counter(headings)
    return [f"no bookmark leads to {title!r}" for title in sorted(wanted - marked)] + [
        f"a bookmark has no heading: {title!r}" for title in sorted(marked - wanted)
    ]


def link_complaints(pdf, known):
    """Returns the links that lead nowhere.

    Args:
        pdf: pikepdf.Pdf.
        known: dict of a volume's file name -> set of its names; "" for the PDF's own.
    """
    found = []
    for number, link in finish.links(pdf):
        action = link.get("/A", {})
        if (name := finish.name_of(link)) is not None:
            there = name in known[""]
        elif action.get("/S") == "/GoToR":
            name = f"{action.F}: {str(action.D)[1:]}"
            there = str(action.D)[1:] in known.get(str(action.F), ())
        else:
            name = str(action.get("/URI", "nothing"))
            there = name.startswith(("https://", "http://", "mailto:"))
            there = there and not name.startswith(book.OTHER_VOLUME)
        if not there:
            found.append(f"page {number + 1}: a link leads nowhere: {name}")
    return list(dict.fromkeys(found))


# ---- formulas as pictures -----------------------------------------------------------------------


def ink(picture):
    """Returns the part of a picture that has ink, one way and the other, or None."""
    grey = np.asarray(picture.convert("L"))
    rows, columns = (np.flatnonzero((grey < INK).any(axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return Image.fromarray(grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def unlikeness(printed, shown):
    """Returns how two pictures of one formula differ, or None where they agree.

    Args:
        printed: PIL image.
        shown: another one, of any size.

    Returns:
        str or None.
    """
    first, second = ink(printed), ink(shown)
    if first is None or second is None:
        return "one of the two pictures is blank"
    ratio = (first.width / first.height) / (second.width / second.height)
    if max(ratio, 1 / ratio) > MAX_RATIO:
        return f"its proportions are {ratio:.2f} times those on the site"
    size = (max(HEIGHT, round(HEIGHT * second.width / second.height)), HEIGHT)
    one, other = (
        np.pad(np.asarray(picture.resize(size, Image.Resampling.BOX), float), ASIDE, mode="edge")
        for picture in (first, second)
    )
    # Edges are found to a pixel or two, so what counts is where the pictures agree best.
    shifts = itertools.product(range(-ASIDE, ASIDE + 1), repeat=2)
    best = max(correlation(np.roll(one, shift, (0, 1)), other) for shift in shifts)
    return None if best > MIN_CORRELATION else f"its pixels correlate with the site's by {best:.2f}"


def correlation(first, second):
    """Returns the correlation of two arrays."""
    return np.corrcoef(first.ravel(), second.ravel())[0, 1]


def printed_formula(document, place, box):
    """Returns the picture of a formula on paper.

    Args:
        document: pypdfium2.PdfDocument.
        place: finish.Place of its upper left corner.
        box: (width, height, fraction), in pixels of CSS. The names in a PDF lead to whole pixels;
            the fraction is what its left side has beyond that.
    """
    page = document[place.page]
    scale = ZOOM * PIXELS_PER_POINT
    whole = page.render(scale=scale, grayscale=True).to_pil()
    width, height, fraction = (ZOOM * length for length in box)
    left = place.left * scale + fraction
    top = (page.get_height() - place.top) * scale
    room = ROOM * ZOOM
    sides = left - room, top - room, left + width + room, top + height + room
    return whole.crop([round(side) for side in sides])


def shown_formula(tab, site, page):
    """Returns the picture of a page's last formula on the site."""
    tab.goto((site / f"{page.name}.html").resolve().as_uri())
    tab.evaluate("MathJax.startup.promise")
    tab.evaluate("document.fonts.ready")
    # What lies about it may reach into its box, as a fraction's neighbours on the next line do.
    tab.evaluate(
        """() => {
            const formula = [...document.querySelectorAll("article mjx-math")].pop();
            const paper = document.createElement("div");
            paper.id = "formula-alone";
            paper.style = "position: fixed; inset: 0; z-index: 9999; background: #fff; color: #000";
            const copy = formula.closest("mjx-container").cloneNode(true);
            copy.style.cssText += "; display: inline-block; margin: 40px; overflow: visible";
            paper.append(copy);
            document.body.append(paper);
        }"""
    )
    box = tab.locator("#formula-alone mjx-math").bounding_box()
    box = {"x": box["x"] - ROOM, "y": box["y"] - ROOM} | {
        key: box[key] + 2 * ROOM for key in ("width", "height")
    }
    return Image.open(io.BytesIO(tab.screenshot(clip=box)))


def formula_complaints(tab, site, pages, path, sizes):
    """Returns the pages whose last formula looks otherwise on paper than on the site."""
    found = []
    with pikepdf.open(path) as pdf:
        known = finish.places(pdf)
    document = pypdfium2.PdfDocument(path)
    for page in pages:
        if page.slug in sizes:
            place = known.get(f"{page.slug}--last-formula")
            if place is None:
                found.append(f"{page.name}: the last formula is not in the file")
                continue
            printed = printed_formula(document, place, sizes[page.slug])
            if reason := unlikeness(printed, shown_formula(tab, site, page)):
                found.append(f"{page.name}: the last formula differs: {reason}")
    document.close()
    return found


# ---- all of it ----------------------------------------------------------------------------------


def complaints(browser, site, everything, made, sizes):
    """Returns what is wrong with the printed volumes.

    Args:
        browser: what `browser.chromium` gives.
        site: path of the built book.
        everything: list of Page, of all volumes.
        made: dict of volume -> path of its PDF.
        sizes: dict of volume -> dict of page -> box of its last formula.

    Returns:
        list of str.
    """
    names = {}
    for path in made.values():
        with pikepdf.open(path) as pdf:
            names[path.name] = set(finish.places(pdf))
    tab = new_tab(
        browser,
        viewport={"width": 1440, "height": 900},
        device_scale_factor=ZOOM,
        color_scheme="light",
    )
    found = []
    for volume, path in made.items():
        pages = [page for page in everything if page.volume == volume]
        headings = [text for page in pages for text in headings_of_site(site, page)]
        headings += [page.part for page in pages if page.part]
        with pikepdf.open(path) as pdf:
            here = bookmark_complaints(pdf, headings)
            here += link_complaints(pdf, {"": names[path.name], **names})
        here += formula_complaints(tab, site, pages, path, sizes[volume])
        found += [f"{volume}: {complaint}" for complaint in here]
    tab.close()
    return found
