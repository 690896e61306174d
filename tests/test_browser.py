"""The rendered book in a browser whose network is cut: narrow and wide, light and dark.

Needs Chromium. Where it is missing these tests are skipped. GANLIB_REQUIRE_BROWSER=1 makes that a
failure.
"""

import contextlib
import functools
import http.server
import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright import sync_api

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
CHECKS = (ROOT / "tests" / "browser_checks.js").read_text(encoding="utf-8")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if "_static" not in path.relative_to(HTML).parts and path != HTML / "index.html"
    # The listings of the library's source are all alike: one of them stands for them.
    if "_modules" not in path.relative_to(HTML).parts or path.name == "losses.html"
)
ANIMATED = [
    name
    for name in PAGES
    if '<figure class="gan-player' in (HTML / name).read_text(encoding="utf-8")
]


def unavailable(reason):
    """Skips a test, or fails it where a browser is required."""
    if os.environ.get("GANLIB_REQUIRE_BROWSER", "0") != "0":
        pytest.fail(f"GANLIB_REQUIRE_BROWSER is set, but {reason}")
    pytest.skip(reason)


@contextlib.contextmanager
def serve(folder):
    """Serves a folder on this machine; gives its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def chromium():
    """A browser that reaches this machine and no other."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path:
        unavailable("no Chromium is installed (Debian and Ubuntu: apt install chromium)")
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    if hasattr(os, "getuid") and os.getuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses root
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Reader:
    """A page of the browser that notes what goes wrong while it is open."""

    def __init__(self, browser, address):
        self.address, self.noted = address, []
        self.page = browser.new_page()
        self.page.set_default_timeout(600_000)  # against hanging for ever, however busy
        self.page.add_init_script(CHECKS)
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("requestfailed", self._failure)
        self.page.on("pageerror", lambda error: self._note(f"error: {error}"))
        self.page.on("console", lambda m: m.type == "error" and self._note(f"console: {m.text}"))

    def _note(self, complaint):
        self.noted.append(complaint)

    def _request(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self._note(f"asks another site: {request.url}")

    def _response(self, response):
        if response.status >= 400:
            self._note(f"status {response.status}: {response.url}")

    def _failure(self, request):
        if request.failure != "net::ERR_ABORTED":  # the page was left before its answer came
            self._note(f"failed: {request.url}")

    def open(self, name, size, theme):
        """Opens a page and waits until it is complete, the equations too."""
        self.page.set_viewport_size(size)
        self.page.emulate_media(color_scheme=theme)
        self.page.goto(self.address + name)
        self.page.evaluate("async () => { await window.MathJax?.startup?.promise; }")
        self.page.evaluate("async () => { await document.fonts.ready; }")
        for _ in range(2):  # what scripts do when sizes change, they do before the next frame
            self.page.evaluate("() => new Promise(requestAnimationFrame)")

    def ask(self, *questions):
        """Returns the complaints of functions in browser_checks.js, such as ``layout()``."""
        answers = [self.page.evaluate(f"() => bookChecks.{question}") for question in questions]
        return [complaint for answer in answers for complaint in answer]

    def complaints(self, name):
        """Opens a page on a dark phone and a light desktop; each then turns to the other theme."""
        found = []
        for size, first, second in ((PHONE, "dark", "light"), (DESKTOP, "light", "dark")):
            self.noted.clear()
            self.open(name, size, first)
            self.page.evaluate(AXE_SCRIPT)
            here = self.ask("layout()", "mathematics()", "widgets()", "thin()")
            here += self.ask("structure()", f"contrast('{first}')")
            self.page.emulate_media(color_scheme=second)
            here += self.ask(f"contrast('{second}')") + self.noted
            found += [f"{size['width']} pixels: {complaint}" for complaint in here]
        return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def reader(chromium, rendered_book):
    """A reader of the rendered book."""
    with serve(rendered_book) as address:
        yield Reader(chromium, address)


# --- the checkers catch what they should ---------------------------------------------------------

BODY = "<main><h1>Title</h1><p>Text.</p>{}</main>"
HEAD = '<title>Title</title><link rel="icon" href="data:,">'
TEMPLATE = f'<!doctype html><html lang="en"><head>{HEAD}</head><body>{BODY}</body></html>'
ROW = "<td>number</td>" * 20
FAULTS = [
    (
        '<script src="https://example.org/a.js"></script>',
        "asks another site: https://example.org/a.js",
    ),
    (
        "<style>@font-face { font-family: x; src: url(https://example.org/a.woff); }"
        "p { font-family: x; }</style>",
        "asks another site: https://example.org/a.woff",
    ),
    ('<img src="a.png" alt="">', "status 404"),
    ("<script>missing();</script>", "error: missing is not defined"),
    ("<script>console.error('oh');</script>", "console: oh"),
    ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "axe image-alt"),
    ('<p style="color: #999; background: #fff">Pale.</p>', "axe color-contrast"),
    (f"<table><tr>{ROW}</tr></table>", "390 pixels: the page scrolls sideways"),
    (
        f'<div style="overflow: hidden"><table><tr>{ROW}</tr></table></div>',
        "390 pixels: cut off by <div>: <td>",
    ),
    (r'<span class="math">\(x\)</span>', "0 of 1 equations"),
    ("<p>Here $x^2$ was meant.</p>", "raw TeX"),
    ('<script type="application/vnd.jupyter.widget-view+json">{}</script>', "0 of 1 widgets"),
]


def test_every_kind_of_fault_is_found(chromium, tmp_path):
    text = TEMPLATE.format("".join(fault for fault, _ in FAULTS))
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    with serve(tmp_path) as address:
        found = "\n".join(Reader(chromium, address).complaints("page.html"))
    assert [complaint for _, complaint in FAULTS if complaint not in found] == [], found


def test_page_without_fault_passes(chromium, tmp_path):
    wide = f'<div style="overflow-x: auto" tabindex="0"><table><tr>{ROW}</tr></table></div>'
    (tmp_path / "page.html").write_text(TEMPLATE.format(wide), encoding="utf-8")
    with serve(tmp_path) as address:
        assert Reader(chromium, address).complaints("page.html") == []


# --- the book ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES or ["index.html"])
def test_page_is_complete_and_accessible_without_a_network(reader, name):
    found = reader.complaints(name)
    assert not found, "\n".join(found)


def test_first_page_leads_into_the_book(reader):
    reader.page.goto(reader.address + "index.html")
    reader.page.wait_for_url("**/book/index.html")


def frame(player):
    return int(player.get_attribute("data-frame"))


def wait_for_another_frame(reader, player, number):
    script = "([player, number]) => player.dataset.frame !== String(number)"
    reader.page.wait_for_function(script, arg=[player.element_handle(), number])


@pytest.mark.parametrize("chapter", ["02_two_networks", "07_dcgan"])
def test_chapter_or_its_lab_has_an_animation(reader, chapter):
    assert [name for name in ANIMATED if chapter in name]


@pytest.mark.parametrize("name", ANIMATED or ["none"])  # without a book the test says so
def test_animations_play_and_stop_by_keyboard(reader, name):
    reader.open(name, DESKTOP, "light")
    for player in reader.page.locator(".gan-player").all():
        button, slider = player.locator("button"), player.locator("input[type=range]")
        for key in ("Space", "Enter"):
            button.focus()
            reader.page.keyboard.press(key)
            wait_for_another_frame(reader, player, frame(player))
            reader.page.keyboard.press(key)
            stopped = frame(player)
            reader.page.wait_for_timeout(2 * int(player.get_attribute("data-delay") or 500))
            assert frame(player) == stopped, f"{key} does not stop the animation"
        slider.focus()
        for key in ("End", "ArrowLeft"):
            before = frame(player)
            reader.page.keyboard.press(key)
        assert frame(player) == before - 1, "the arrows do not turn the frames"


def test_search_finds_a_word_without_a_network(reader):
    reader.noted.clear()
    reader.open("book/index.html", DESKTOP, "light")
    reader.page.keyboard.press("Control+k")
    reader.page.keyboard.type("discriminator")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url("**/search.html?q=discriminator*")
    # The results come in one after another; the page opens each for the lines below its title.
    result = reader.page.locator('#search-results li a[href*="02_two_networks.html"]').first
    result.wait_for()
    reader.page.wait_for_load_state("networkidle")
    assert reader.noted == []
    result.click()
    reader.page.wait_for_url("**/02_two_networks.html*")
    assert "discriminator" in reader.page.locator("main").inner_text().lower()


def test_equations_are_typeset_where_there_is_no_server(chromium, reader):
    """A person may open the files themselves; `reader` sees to it that they are there."""
    person = Reader(chromium, HTML.as_uri() + "/")
    person.open("book/02_two_networks.html", DESKTOP, "light")
    assert person.ask("mathematics()", "layout()") + person.noted == []


def test_widgets_of_the_installed_ipywidgets_are_drawn_from_the_book(reader):
    """No lab needs a widget for this: the page is made up, the widget manager is the book's."""
    import ipywidgets
    from ipywidgets.embed import embed_data

    slider = ipywidgets.IntSlider(value=3, description="Seed")
    play = ipywidgets.Play(max=9)
    data = embed_data(views=[slider, play])
    kind = "application/vnd.jupyter.widget"
    scripts = [f'<script type="{kind}-state+json">{json.dumps(data["manager_state"])}</script>']
    for view in data["view_specs"]:
        scripts.append(f'<script type="{kind}-view+json">{json.dumps(view)}</script>')
    scripts.append('<script src="../_static/jupyter-widgets/embed.js"></script>')
    page, url = TEMPLATE.format("".join(scripts)), f"{reader.address}book/widgets.html"
    reader.page.route(url, lambda route: route.fulfill(body=page, content_type="text/html"))
    reader.noted.clear()
    reader.open("book/widgets.html", DESKTOP, "light")
    reader.page.wait_for_selector(".widget-slider .widget-readout")
    reader.page.unroute(url)
    assert reader.page.locator(".widget-readout").inner_text() == "3"
    assert reader.ask("widgets()") + reader.noted == []
