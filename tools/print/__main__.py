"""Print the built book, or make an e-book of it: `make pdf`, `make epub`.

    python -m tools.print pdf|epub [PAGE ...]

Needs the book in `_build/html` and Chromium. What comes out lies in `build/print/`. A page has its
name in `_toc.yml`, such as `book/02_two_networks`; without any, all of them are printed.
"""

import argparse
import shutil
import subprocess
import sys

from tools.print import browser, check, epub, finish, layout
from tools.print import pages as book

SITE = book.ROOT / "_build" / "html"
OUTPUT = book.ROOT / "build" / "print"


def print_volumes(site, folder, everything):
    """Prints the volumes, and compares them with the site.

    Args:
        site: path of the built book.
        folder: path to write to.
        everything: list of Page, from `pages.assembled`.

    Returns:
        (paths, complaints): list of Path, list of str.
    """
    made, complaints = {}, []
    folder.mkdir(parents=True, exist_ok=True)
    with browser.chromium() as chromium:
        formulas = {}
        for volume in book.VOLUMES:
            pages = [page for page in everything if page.volume == volume]
            if not pages:
                continue
            print(
                f"Printing {len(pages)} pages of the site: {book.VOLUMES[volume][1]} …", flush=True
            )
            source, target = folder / f"{volume}.html", folder / layout.file_name(volume)
            source.write_text(layout.volume_page(site, volume, everything), encoding="utf-8")
            found, formulas[volume] = browser.print_page(chromium, source, target)
            finish.finish(target, pages)
            source.unlink()
            made[volume] = target
            complaints += [f"{volume}: {complaint}" for complaint in found]
        complaints += check.complaints(chromium, site, everything, made, formulas)
    return list(made.values()), complaints


def advise():
    """Says on standard error what would make the print better."""
    if shutil.which("fc-list"):
        found = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=False).stdout
        if not found.strip():
            print(
                "No font for Chinese is installed, in which the book quotes some words: "
                "apt install fonts-noto-cjk",
                file=sys.stderr,
            )


def main(arguments=None):
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.print", description=__doc__)
    parser.add_argument("kind", choices=["pdf", "epub"])
    parser.add_argument("pages", nargs="*", help="names in _toc.yml; all of them if none is given")
    given = parser.parse_args(arguments)
    if not (SITE / "index.html").exists():
        print("The book is not built: make book", file=sys.stderr)
        return 1
    advise()
    make = print_volumes if given.kind == "pdf" else epub.make
    try:
        browser.find()  # asked first: to read all pages takes a minute
        pages = book.assembled(SITE, book.listed(given.pages))
        paths, complaints = make(SITE, OUTPUT, pages)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in paths:
        print(f"{path.relative_to(book.ROOT)}: {path.stat().st_size / 1e6:.1f} MB")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
