"""Chromium, which sets and prints what is assembled."""

import contextlib
import os
import shutil

from playwright import sync_api

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 3_600_000  # milliseconds, against hanging for ever, however busy the machine
WIDTH = 658  # pixels, of 210 mm without the margins of print.css


def find():
    """Returns the path of the Chromium that is installed.

    Raises:
        FileNotFoundError: if there is none.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise FileNotFoundError(
            f"got none of {', '.join(BROWSERS)}, expected a Chromium on the path; install one "
            "(Debian and Ubuntu: apt install chromium)."
        )
    return path


@contextlib.contextmanager
def chromium():
    """Opens a browser that reaches no network."""
    # The pages are files: they may read each other, and the fonts beside them.
    arguments = ["--allow-file-access-from-files", "--host-resolver-rules=MAP * ~NOTFOUND"]
    if hasattr(os, "getuid") and os.getuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses root
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def new_tab(browser, **options):
    """Returns an empty page, which waits as long as it takes."""
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE)
    page.set_default_navigation_timeout(PATIENCE)
    return page


def open_page(browser, source, **options):
    """Opens a file; returns the page, with the errors of its scripts in a list ``noted``."""
    page = new_tab(browser, **options)
    page.noted = []
    page.on("pageerror", lambda error: page.noted.append(f"a script fails: {error}"))
    page.goto(source.resolve().as_uri(), wait_until="load")
    return page


def print_page(browser, source, target):
    """Prints an assembled volume.

    Args:
        browser: what `chromium` gives.
        source: path of the HTML.
        target: path of the PDF to write.

    Returns:
        (complaints, formulas): list of str; dict of page -> (width, height, fraction of a pixel at
        the left) of its last formula.
    """
    page = open_page(browser, source, viewport={"width": WIDTH, "height": 960})
    page.emulate_media(media="print", color_scheme="light")
    page.evaluate("bookPrint.forgetWidths()")
    page.evaluate("bookPrint.typeset()")
    complaints = page.evaluate("bookPrint.fit()") + page.evaluate("bookPrint.complaints()")
    formulas = page.evaluate("bookPrint.lastFormulas()")
    page.pdf(path=target, prefer_css_page_size=True, print_background=True, tagged=True)
    complaints += page.noted
    page.close()
    return complaints, formulas
