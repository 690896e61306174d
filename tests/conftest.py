"""How the tests are chosen and ordered: quick ones first, the run of a whole lab last."""

import pytest


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
