"""What Chromium leaves undone in a PDF: bookmarks, page numbers in the contents, links afar."""

import dataclasses
from pathlib import Path

import pikepdf

from tools.print import layout
from tools.print import pages as book

FONT_SIZE = 9.5
DIGIT = 0.556  # width of a digit in Helvetica, of the font's size
POINTS = 72 / 25.4  # in a millimetre
MARGIN_LEFT, MARGIN_TOP = 18 * POINTS, 21 * POINTS  # as in print.css
NUMBERS_END = 210 * POINTS - MARGIN_LEFT  # the text's right edge


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a name leads to: number of the page, from 0, and the point on it."""

    page: int
    left: float
    top: float
    target: pikepdf.Array


def mend_places(pdf):
    """Moves the points that names lead to: Chromium forgets the page's margins."""
    for target in pdf.Root.get("/Dests", {}).values():
        target[2] = float(target[2]) + MARGIN_LEFT
        target[3] = float(target[3]) - MARGIN_TOP


def places(pdf):
    """Returns the names that a PDF knows.

    Args:
        pdf: pikepdf.Pdf.

    Returns:
        dict of name -> Place.
    """
    numbers = {page.objgen: number for number, page in enumerate(pdf.pages)}
    found = {}
    for name, target in pdf.Root.get("/Dests", {}).items():
        found[str(name)[1:]] = Place(
            numbers[target[0].objgen], float(target[2]), float(target[3]), target
        )
    return found


def links(pdf):
    """Yields (number of the page, link) of a PDF."""
    for number, page in enumerate(pdf.pages):
        for annotation in page.get("/Annots", []):
            if annotation.get("/Subtype") == "/Link":
                yield number, annotation


def name_of(link):
    """Returns the name within the file that a link leads to, or None."""
    target = link.get("/Dest")
    return None if target is None else str(target).removeprefix("/")


def bookmarks(pdf, pages, known):
    """Writes the bookmarks: parts, pages, and their headings below each other."""
    item = pikepdf.OutlineItem
    with pdf.open_outline() as outline:
        outline.root.clear()
        siblings = outline.root
        for page in pages:
            if page.part:
                part = item(page.part, known[page.slug].target)
                outline.root.append(part)
                siblings = part.children
            above = [(0, siblings)]  # (level, children) of the headings that are open
            for heading in page.article.find_all(book.HEADINGS):
                level = int(heading.name[1])
                while above[-1][0] >= level:
                    above.pop()
                mark = item(book.plain(heading), known[heading["id"]].target)
                mark.is_closed = level == 1
                above[-1][1].append(mark)
                above.append((level, mark.children))


def number_contents(pdf, known, first):
    """Writes the number of its page to the right of each line of the contents.

    Args:
        pdf: pikepdf.Pdf.
        known: dict of name -> Place.
        first: number of the page, from 0, on which the first page of the book begins.
    """
    lines = {}
    for number, link in links(pdf):
        if number >= first:
            break
        name = name_of(link)
        if name in known:
            bottom = float(link.Rect[1])
            lines.setdefault(number, {})[name, round(bottom)] = (known[name].page + 1, bottom)
    font = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
    )
    for number, entries in lines.items():
        page = pdf.pages[number]
        name = page.add_resource(font, pikepdf.Name.Font)
        text = [
            f"BT {name} {FONT_SIZE} Tf "
            f"{NUMBERS_END - DIGIT * FONT_SIZE * len(str(there)):.2f} {bottom + 3.5:.2f} Td "
            f"({there}) Tj ET"
            for there, bottom in entries.values()
        ]
        # What Chromium draws is scaled and turned over: it is kept in brackets of its own.
        page.contents_add(b"q", prepend=True)
        page.contents_add("\n".join(["Q", "/Artifact BMC", *text, "EMC"]).encode())


def lead_afar(pdf):
    """Makes links to the other volume, which Chromium takes for addresses, lead into its file."""
    for _, link in links(pdf):
        address = str(link.get("/A", {}).get("/URI", ""))
        if address.startswith(book.OTHER_VOLUME):
            volume, _, name = address.removeprefix(book.OTHER_VOLUME).partition("#")
            link.A = pikepdf.Dictionary(
                S=pikepdf.Name.GoToR,
                F=layout.file_name(volume.strip("/")),
                D=pikepdf.Name(f"/{name}"),
            )


def finish(path, pages):
    """Finishes a volume in place.

    Args:
        path: of the PDF that Chromium wrote.
        pages: list of Page, those in it.
    """
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        mend_places(pdf)
        known = places(pdf)
        number_contents(pdf, known, known[pages[0].slug].page)
        bookmarks(pdf, pages, known)
        lead_afar(pdf)
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        pdf.docinfo["/Author"] = layout.settings()["author"]
        pdf.remove_unreferenced_resources()
        pdf.save(
            Path(path), object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True
        )
