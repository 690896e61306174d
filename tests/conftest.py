"""How the tests are chosen and ordered, quick ones first, and the book that some of them read."""

import os
import signal
from pathlib import Path

import pytest

# What the tests expect was computed on a CPU, and several run at a time. `make gpu-check` is for a
# GPU.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if item not in slow]
        config.hook.pytest_deselected(items=slow)

    def rank(item):
        late = item.get_closest_marker("late")
        return late.args[0] if late else 0

    items.sort(key=rank)  # stable: within one rank the order of the files stays


@pytest.fixture(scope="session")
def root(pytestconfig):
    """The folder of the repository."""
    return pytestconfig.rootpath


def book_complaint():
    """Returns why the rendered book will not do, or None."""
    # `make book` leaves the mark at its end; without make there are only the pages.
    pages = [HTML / ".built"] if (HTML / ".built").exists() else list(HTML.rglob("*.html"))
    if not pages:
        return "the book is not built: `make book`"
    sources = [path for path in (ROOT / "book").rglob("*.*") if path.is_file()]
    sources += [*(ROOT / "notebooks").glob("*.ipynb"), ROOT / "_config.yml", ROOT / "_toc.yml"]
    if max(path.stat().st_mtime for path in sources) > max(p.stat().st_mtime for p in pages):
        return "the book is older than its sources: `make book`"
    return None


@pytest.fixture(scope="session")
def rendered_book():
    """The folder of the rendered book; without it a test is skipped, and fails in `make test`."""
    if reason := book_complaint():
        if os.environ.get("GANLIB_REQUIRE_BOOK", "0") != "0":
            pytest.fail(f"GANLIB_REQUIRE_BOOK is set, but {reason}")
        pytest.skip(reason)
    return HTML


@pytest.fixture
def as_in_a_shell():
    """The signals do what they do in a shell, where nohup and background jobs ignore some."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    usual |= {signal.SIGHUP: signal.SIG_DFL} if hasattr(signal, "SIGHUP") else {}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
