"""The page that trains a GAN in the browser: its script, its links, a reader at the keyboard."""

import gzip
import itertools
import json
import re
import subprocess
import time

import pytest

from tests.test_browser import AXE_SCRIPT, DESKTOP, PHONE, Reader, chromium  # noqa: F401
from tests.test_live import LINKS, ROOT, node, run
from tools import sphinx_live

LIVE = ROOT / "book" / "live"
PAGE = "book/live.html"
SEEDS = (0, 1, 2)
TRAINING = {name: link for name, link in LINKS.items() if "page" not in link}


def script(name="train"):
    entry, worker = sphinx_live.SCRIPTS[name]
    return sphinx_live.bundle(LIVE / entry, worker and LIVE / worker)


# ---- the script ---------------------------------------------------------------------------------


def test_script_is_one_classic_script_that_asks_for_nothing():
    text = script()
    result = subprocess.run([node(), "--check", "-"], input=text, text=True, capture_output=True)
    assert result.returncode == 0, result.stderr
    assert not re.search(r"^(import|export) ", text, re.MULTILINE)
    assert not re.search(r"https?://|\bfetch\b|XMLHttpRequest|importScripts|\beval\b", text)


@pytest.mark.skipif(not sphinx_live.minify, reason="there is no minifier for this machine")
@pytest.mark.parametrize("name", sphinx_live.SCRIPTS)
def test_script_of_each_page_has_at_most_15_kilobytes_compressed(name):
    assert len(gzip.compress(script(name).encode())) <= 15_000


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        (0.125, 3, "0.125"),
        (-3.14159, 2, "−3.14"),
        (-0.0004, 2, "0.00"),
        (0, 1, "0.0"),
        (99.5, 1, "99.5"),
        (123.456, 3, "123"),
        (2550.75, 3, "2,550"),
        (-12345, 0, "−12,300"),
        (2.5e7, 2, "2.5E7"),
        ("NaN", 2, "no number"),
    ],
)
def test_numbers_have_the_digits_that_one_reads(number, places, text):
    program = f"const {{ digits }} = await import({json.dumps((LIVE / 'digits.js').as_uri())});"
    program += f"process.stdout.write(digits({number}, {places}));"
    command = [node(), "--input-type=module", "-e", program]
    result = subprocess.run(command, capture_output=True, check=True)
    assert result.stdout.decode("utf-8") == text


def test_module_that_is_needed_twice_comes_once(tmp_path, monkeypatch):
    (tmp_path / "a.js").write_text("/** A. */\nexport const a = 1; // one\n", encoding="utf-8")
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = a;\n', "utf-8")
    text = 'import {\n  a,\n} from "./a.js";\nimport { b } from "./b.js";\n  // so\nuse(a, b);\n'
    (tmp_path / "c.js").write_text(text, encoding="utf-8")
    monkeypatch.setattr(sphinx_live, "minify", None)
    expected = '(() => {\n"use strict";\nconst a = 1; // one\nconst b = a;\nuse(a, b);\n})();\n'
    assert sphinx_live.bundle(tmp_path / "c.js") == expected


# ---- the links ----------------------------------------------------------------------------------


def test_links_are_understood_and_written_again():
    texts = [link["settings"] for link in TRAINING.values()]
    texts += ["data=drawn&points=0a0bzzzz", "b.loss=hinge&seed=7", ""]
    for answer in run({"task": "links", "texts": texts})[0]:
        assert answer["unknown"] == []
        (again,) = run({"task": "links", "texts": [answer["again"]]})[0]
        assert again["runs"] == answer["runs"]
        assert again["points"] == answer["points"]


@pytest.mark.parametrize(
    "text", ["loss=logistic", "seed=-1", "seed=", "rate=1", "b.seed=1", "k=11", "batch=x"]
)
def test_what_a_link_may_not_say_is_left_out(text):
    (answer,) = run({"task": "links", "texts": [text]})[0]
    assert answer["unknown"] == [text]
    assert answer["runs"] == run({"task": "links", "texts": [""]})[0][0]["runs"]


def test_each_link_has_a_page_and_each_page_a_link_that_exists():
    pages = [*(ROOT / "book").glob("*.md")]
    used = {
        name
        for path in pages
        for name in re.findall(r"\{live\}`[^`<]*<(\w+)>`", path.read_text(encoding="utf-8"))
    }
    assert used == set(LINKS)


CLAIMS = [
    pytest.param(
        *(name, seed),
        marks=[pytest.mark.slow] if seed or name in ("calm", "critics", "fading") else [],
        id=f"{name}-{seed}",
    )
    for name in TRAINING
    for seed in SEEDS
]


@pytest.mark.parametrize(("name", "seed"), CLAIMS)
def test_link_shows_what_its_sentence_says(name, seed):
    link = LINKS[name]
    task = {"task": "claim", "link": f"{link['settings']}&seed={seed}", **link["until"]}
    (runs,) = run(task)
    for claim in link["claims"]:
        value = runs[claim.get("run", 0)][claim["what"]]
        if "beside" in claim:  # the same number of the other run, or another one of this run
            other = claim["beside"]
            value /= runs[1][claim["what"]] if other == "run" else runs[0][other]
        assert claim.get("from", value) <= value <= claim.get("to", value), (claim, runs)


def test_claims_are_not_true_of_everything():
    """Each claim fails for the settings of another link."""
    assert all(
        claim.keys() & {"from", "to"} for link in TRAINING.values() for claim in link["claims"]
    )
    task = {"task": "claim", "link": LINKS["collapse"]["settings"], "steps": 300}
    (runs,) = run(task)
    assert runs[0]["reached"] < 7  # which `ring` promises


# ---- the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def person(chromium, rendered_book):  # noqa: F811
    """A reader who has opened the page as a file, without a server."""
    return Reader(chromium, rendered_book.as_uri() + "/")


def visit(person, settings="", size=DESKTOP, theme="light"):
    """Opens the page anew, with settings."""
    person.noted.clear()
    person.page.goto("about:blank")
    person.open(PAGE + (f"#{settings}" if settings else ""), size, theme)
    person.page.wait_for_selector(".live-words span")


def state(person):
    """What the page says: the steps, and the numbers of each run."""
    pattern = re.compile(r"step ([\d,]+).*?(?:modes reached (\d+) of \d+|$)", re.DOTALL)
    texts = person.page.locator(".live-words").all_inner_texts()
    found = [pattern.search(text.replace("\n", " ")) for text in texts]
    return [(int(one[1].replace(",", "")), int(one[2] or 0)) for one in found]


def tab_to(person, text):
    """Presses Tab until a control of this name has the focus."""
    focused = "document.activeElement.dataset.do && document.activeElement.textContent"
    for _ in range(150):
        person.page.keyboard.press("Tab")
        if person.page.evaluate(focused) == text:
            return
    pytest.fail(f"Tab does not lead to {text}")


def train_until(person, condition, at_most):
    """Watches the page until a condition holds of its state, or for so many steps."""
    end = time.monotonic() + 600  # however busy the machine is
    while not condition(now := state(person)) and now[0][0] < at_most:
        assert time.monotonic() < end
        person.page.wait_for_timeout(100)
    return now


def seeds(*numbers):
    return [pytest.param(seed, marks=[pytest.mark.slow] if seed else []) for seed in numbers]


@pytest.mark.parametrize("seed", seeds(*SEEDS))
def test_training_by_keyboard_reaches_seven_modes(person, seed):
    visit(person, f"{LINKS['ring']['settings']}&seed={seed}")
    tab_to(person, "Train")
    person.page.keyboard.press("Space")
    (now,) = train_until(person, lambda runs: runs[0][1] >= 7, at_most=2000)
    assert now[1] >= 7, now
    person.page.keyboard.press("Space")  # Pause
    person.page.wait_for_selector("button:text-is('Train')")
    stopped = state(person)
    person.page.wait_for_timeout(300)
    assert state(person) == stopped or state(person)[0][0] - stopped[0][0] < 100
    assert person.noted == []


@pytest.mark.parametrize("seed", seeds(*SEEDS))
def test_training_by_keyboard_collapses(person, seed):
    visit(person, f"{LINKS['collapse']['settings']}&seed={seed}")
    tab_to(person, "Train")
    person.page.keyboard.press("Enter")
    (now,) = train_until(person, lambda runs: runs[0][0] >= 500, at_most=500)
    person.page.keyboard.press("Enter")
    assert now[1] <= 2, now
    assert person.noted == []


def test_slow_step_goes_along_every_arrow_and_other_buttons_finish_it(person):
    visit(person)
    tab_to(person, "Slow: next arrow")
    said = []
    for _ in range(14):
        person.page.keyboard.press("Space")
        person.page.wait_for_function(
            "(before) => { const text = document.querySelector('.live-sentence').textContent;"
            " return text && text !== before; }",
            arg=said[-1] if said else "",
        )
        said.append(person.page.locator(".live-sentence").inner_text())
    assert len(set(said)) == 14
    assert state(person)[0][0] == 0
    visit(person)
    for name in ("Slow", "Slow", "One step", "One step"):
        person.page.get_by_role("button", name=name).click()
    person.page.wait_for_function("document.querySelector('.live-train').dataset.steps === '2'")
    person.page.get_by_role("button", name="Start anew").click()
    person.page.wait_for_function("document.querySelector('.live-train').dataset.steps === '0'")
    assert person.noted == []


def test_second_run_has_the_same_start_and_settings_of_its_own(person):
    visit(person)
    person.page.get_by_role("button", name="A second run beside it").click()
    person.page.get_by_label("Loss, run B").select_option("hinge")
    person.page.wait_for_function("document.querySelectorAll('.live-words span').length > 6")
    for _ in range(3):
        person.page.get_by_role("button", name="One step").click()
    person.page.wait_for_function("document.querySelector('.live-train').dataset.steps === '3'")
    link = person.page.get_by_role("link", name="Link to these settings").get_attribute("href")
    assert link == "#b.loss=hinge"
    first, second = person.page.locator(".live-words").all_inner_texts()
    assert first != second
    assert person.noted == []


def test_reader_draws_points_with_the_pointer_and_by_numbers(person):
    visit(person, "data=drawn")
    person.page.get_by_role("button", name="Clear").click()
    assert "No points yet" in person.page.locator(".live-count").inner_text()
    box = person.page.locator(".live-plane").bounding_box()
    person.page.mouse.move(box["x"] + 100, box["y"] + 100)
    person.page.mouse.down()
    person.page.mouse.move(box["x"] + 160, box["y"] + 100, steps=4)
    person.page.mouse.up()
    drawn = int(person.page.locator(".live-count").inner_text().split()[0])
    assert 3 <= drawn <= 5
    person.page.get_by_label("x", exact=True).fill("1.5")
    person.page.get_by_role("button", name="Add the point").press("Enter")
    assert int(person.page.locator(".live-count").inner_text().split()[0]) == drawn + 1
    link = person.page.get_by_role("link", name="Link to these settings").get_attribute("href")
    (answer,) = run({"task": "links", "texts": [link]})[0]
    assert answer["points"][-1] == pytest.approx([1.5, 0.0], abs=0.005)
    assert person.noted == []


@pytest.mark.parametrize(("size", "theme"), [(PHONE, "dark"), (DESKTOP, "light")])
def test_page_is_accessible_in_every_state(person, size, theme):
    visit(person, "data=drawn&penalty=wgan_gp&b.loss=minimax", size, theme)
    for _ in range(3):
        person.page.get_by_role("button", name="Slow").click()
    person.page.wait_for_selector(".live-slow li[aria-current]")
    person.page.evaluate(AXE_SCRIPT)
    assert person.ask("layout()", "structure()", f"contrast('{theme}')") + person.noted == []


def test_who_wants_little_motion_gets_few_pictures(person):
    person.page.emulate_media(reduced_motion="reduce")
    try:
        visit(person)
        person.page.evaluate(
            "() => { window.seen = new Set(); new MutationObserver(() => window.seen.add("
            "document.querySelector('.live-train').dataset.steps)).observe("
            "document.querySelector('.live-train'), { attributes: true }); }"
        )
        person.page.get_by_role("button", name="Train").click()
        train_until(person, lambda runs: runs[0][0] >= 200, at_most=200)
        person.page.get_by_role("button", name="Pause").click()
        steps = sorted(int(one) for one in person.page.evaluate("[...window.seen]"))
        waits = [b - a for a, b in itertools.pairwise(steps)][
            :-1
        ]  # the last one is where it paused
        assert all(wait >= 100 for wait in waits), steps
    finally:
        person.page.emulate_media(reduced_motion="no-preference")


@pytest.mark.parametrize(
    ("page", "lab"),
    [
        ("live", "02_two_networks"),
        ("live_draw", "07_dcgan"),
        ("live_dirac", "04_training_dynamics"),
        ("live_pull", "05_losses_and_divergences"),
        ("live_clouds", "06_measuring"),
        ("live_attack", "20_privacy"),
    ],
)
def test_without_scripts_there_is_a_picture_and_a_way_to_the_lab(
    chromium,  # noqa: F811
    rendered_book,
    page,
    lab,
):
    context = chromium.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto((rendered_book / f"book/{page}.html").as_uri())
    block = opened.locator(".live")
    picture = block.locator("img, svg[role=img]").first  # a drawing is part of the page
    assert picture.get_attribute("alt") or picture.get_attribute("aria-label")
    assert block.locator(f"a[href$='notebooks/{lab}.html']").count() == 1
    context.close()


def test_link_of_the_page_leads_back_to_the_picture_and_the_page_s_own_keeps_the_run(person):
    visit(person)
    person.page.get_by_role("button", name="One step").click()
    person.page.wait_for_function("document.querySelector('.live-train').dataset.steps === '1'")
    person.page.get_by_label("Discriminator’s rate").select_option("0.005")
    person.page.get_by_role("link", name="Link to these settings").click()
    assert "d_rate=0.005" in person.page.url
    assert state(person)[0][0] == 1
    person.page.get_by_role("link", name="A generator that runs ahead").click()
    person.page.wait_for_function("document.querySelector('.live-train').dataset.steps === '0'")
    assert person.page.get_by_label("Penalty", exact=True).input_value() == "none"
    top = person.page.locator(".live-plane").bounding_box()["y"]
    assert 0 <= top < DESKTOP["height"] / 2
    assert person.noted == []
