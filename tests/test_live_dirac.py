"""The page of two numbers: what it computes, against chapter 4 and NumPy, and its controls."""

import itertools
import json
import subprocess

import numpy as np
import pytest
from scipy.special import expit

from tests.test_browser import AXE_SCRIPT, DESKTOP, PHONE, Reader, chromium  # noqa: F401
from tests.test_live import ENGINE, LINKS, node

PAGE = "book/live_dirac.html"
PROGRAM = """
const { multipliers, orbit, factor } = await import(process.argv[1]);
const all = JSON.parse(await new Response(process.stdin).text());
process.stdout.write(JSON.stringify(all.map((one) => ({
  multipliers: multipliers(one), orbit: orbit(one, [0.8, -0.3], one.steps), factor: factor(one),
}))));
"""


def compute(*settings):
    command = [node(), "--input-type=module", "-e", PROGRAM]
    command.append((ENGINE / "dirac.js").as_uri())
    sent = json.dumps([{"steps": 60, **one} for one in settings])
    result = subprocess.run(command, input=sent, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


SLOPES = {  # f′ at −ψθ for ψ, and what θ has in its place: chapter 4, eq. dirac-field
    "bilinear": (lambda t: 1.0, lambda t: 1.0),
    "minimax": (expit, expit),
    "non_saturating": (expit, lambda t: expit(-t)),
}


def played(game, h, gamma, beta, order, steps=60, start=(0.8, -0.3), **_):
    """The same orbit, step by step from eq. updates with heavy-ball momentum."""
    (of_psi, of_theta), (theta, psi) = SLOPES[game], start
    moves, places = np.zeros(2), [start]
    for _step in range(steps):
        moves[1] = beta * moves[1] + h * (-theta * of_psi(psi * theta) - gamma * psi)
        seen = psi + moves[1] if order == "alternating" else psi
        moves[0] = beta * moves[0] + h * seen * of_theta(seen * theta)
        theta, psi = theta + moves[0], psi + moves[1]
        places.append((theta, psi))
    return np.array(places)


GAMES, ORDERS = tuple(SLOPES), ("simultaneous", "alternating")
GRID = [
    {"game": game, "order": order, "h": h, "gamma": gamma, "beta": beta}
    for game, order in itertools.product(GAMES, ORDERS)
    for h, gamma, beta in [(0.2, 0.0, 0.0), (0.7, 0.3, 0.0), (0.2, 0.4, 0.9), (0.5, 1.3, -0.5)]
]


def test_orbits_are_those_of_the_formulas():
    for settings, answer in zip(GRID, compute(*GRID), strict=True):
        found = np.array(answer["orbit"])  # ends early where the players have run away
        assert len(found) > 40
        assert np.allclose(found, played(**settings, steps=len(found) - 1), rtol=1e-9, atol=1e-12)


def step_matrix(settings):
    """The matrix of a step near zero on (θ, ψ, their last moves), by playing from tiny starts."""
    a = 1.0 if settings["game"] == "bilinear" else 0.5
    h, gamma, beta = (settings[name] for name in ("h", "gamma", "beta"))
    columns = []
    for theta, psi, move_theta, move_psi in np.eye(4):
        to_psi = beta * move_psi + h * (-a * theta - gamma * psi)
        seen = psi + to_psi if settings["order"] == "alternating" else psi
        to_theta = beta * move_theta + h * a * seen
        columns.append([theta + to_theta, psi + to_psi, to_theta, to_psi])
    return np.array(columns).T


def test_multipliers_are_the_eigenvalues_of_the_step():
    for settings, answer in zip(GRID, compute(*GRID), strict=True):
        expected = np.sort_complex(np.linalg.eigvals(step_matrix(settings)).round(6))
        found = [complex(*pair) for pair in answer["multipliers"]]
        found += [0] * (4 - len(found))
        assert np.allclose(np.sort_complex(np.round(found, 6)), expected, atol=2e-5), settings
        assert answer["factor"] == pytest.approx(np.abs(expected).max(), abs=1e-5)


@pytest.mark.parametrize("gamma", [0.25, 0.8, 1.5])
@pytest.mark.parametrize("order", ORDERS)
def test_border_of_convergence_is_the_largest_step_of_chapter_4(order, gamma):
    a = 0.5
    if order == "alternating":
        limit = (np.sqrt(gamma**2 + 4 * a**2) - gamma) / a**2
    else:
        slow = gamma < 2 * a
        limit = gamma / a**2 if slow else 4 / (gamma + np.sqrt(gamma**2 - 4 * a**2))
    settings = {"game": "minimax", "order": order, "gamma": gamma, "beta": 0.0}
    below, above = compute(*({**settings, "h": share * limit} for share in (0.999, 1.001)))
    assert below["factor"] < 1 < above["factor"]


def link_settings(name):
    pairs = (part.split("=") for part in LINKS[name]["settings"].split("&"))
    found = {"beta": 0.0} | {
        key: value if key in ("game", "order") else float(value) for key, value in pairs
    }
    return found | {"steps": 400}


def test_links_show_what_their_sentences_say():
    names = "spiral", "ellipse", "damped", "leap", "momentum"
    answers = dict(zip(names, compute(*map(link_settings, names)), strict=True))
    radii = {name: np.linalg.norm(answers[name]["orbit"], axis=1) for name in names}
    assert (np.diff(radii["spiral"]) > 0).all()
    theta, psi = np.array(answers["ellipse"]["orbit"]).T
    assert np.ptp(theta**2 + psi**2 - theta * psi) < 1e-12  # h a = 1
    assert answers["damped"]["factor"] < 1
    assert radii["damped"][-1] < 0.01
    for name in ("leap", "momentum"):
        assert answers[name]["factor"] > 1
    (alternating,) = compute(link_settings("leap") | {"order": "alternating"})
    assert alternating["factor"] < 1


# ---- the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def person(chromium, rendered_book):  # noqa: F811
    return Reader(chromium, rendered_book.as_uri() + "/")


def visit(person, settings, size=DESKTOP, theme="light"):
    person.noted.clear()
    person.page.goto("about:blank")
    person.open(f"{PAGE}#{settings}", size, theme)
    person.page.wait_for_function("document.querySelector('.live-verdict').textContent")


def verdict(person):
    return person.page.locator(".live-verdict").inner_text()


def test_keys_move_the_players_out_and_in_again(person):
    visit(person, LINKS["damped"]["settings"])
    assert "arrive" in verdict(person)
    person.page.get_by_label("Momentum β").focus()
    person.page.keyboard.press("End")
    assert "run away" in verdict(person)
    link = person.page.get_by_role("link", name="Link to these settings").get_attribute("href")
    assert "beta=0.9" in link
    assert person.noted == []


def test_pointer_drags_the_start_and_the_settings(person):
    visit(person, LINKS["leap"]["settings"])
    assert "run away" in verdict(person)
    for number, (x, y) in enumerate([(0.25, 0.5), (0, 0), (0.5, 0.9)]):
        if number == 1:
            continue
        box = person.page.locator("canvas").nth(number).bounding_box()
        person.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        person.page.mouse.down()
        person.page.mouse.up()
    values = person.page.eval_on_selector_all(
        "[data-name]", "all => all.map((one) => [one.dataset.name, one.value])"
    )
    found = dict(values)
    assert float(found["theta"]) == pytest.approx(-1, abs=0.06)
    assert float(found["gamma"]) == pytest.approx(1, abs=0.03)
    assert float(found["h"]) == pytest.approx(0.2, abs=0.03)
    assert "arrive" in verdict(person)
    assert person.noted == []


@pytest.mark.parametrize(("size", "theme"), [(PHONE, "light"), (DESKTOP, "dark")])
def test_page_is_accessible(person, size, theme):
    visit(person, LINKS["momentum"]["settings"], size, theme)
    person.page.evaluate(AXE_SCRIPT)
    assert person.ask("layout()", "structure()", f"contrast('{theme}')") + person.noted == []
