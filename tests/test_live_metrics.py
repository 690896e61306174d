"""The pages of pulls, clouds and thresholds, against ganlib, scikit-learn and SciPy."""

import json
import subprocess

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from ganlib import losses, metrics
from ganlib._tensorflow import tf
from tests.test_browser import AXE_SCRIPT, DESKTOP, PHONE, Reader, chromium  # noqa: F401
from tests.test_live import ENGINE, LINKS, node

PAGES = ("pull", "clouds", "attack")
PROGRAM = """
const [engine] = process.argv.slice(1), load = (name) => import(`${engine}/${name}.js`);
const { pull } = await load("pull");
const { cloud, frechet, moments, precisionRecall } = await load("clouds");
const attack = await load("attack");
const TASKS = {
  pull: ({ loss, at }) => at.map(([r, f]) => pull(loss, r, f)),
  clouds({ real, fake, x, y, width, rx, ry, n, k = 3, seed = 0 }) {
    const points = [
      cloud(real, [rx, ry], 1, n, seed, "real"), cloud(fake, [x, y], width, n, seed, "latents"),
    ];
    const distance = frechet(...points.map(moments));
    const { precision, recall } = precisionRecall(...points, k);
    return { points, distance: distance.means + distance.covariances, precision, recall };
  },
  attack(settings) {
    const found = attack.scores({ seed: 0, ...settings }), points = attack.curve(found);
    const at = settings.threshold;
    const fpr = attack.above(found.outsiders, at), tpr = attack.above(found.members, at);
    const auc = attack.area(points), early = attack.recognised(points, 0.01);
    return { ...found, points, auc, early, fpr, tpr,
      guilty: attack.guilty(fpr, tpr, settings.pool / 100), law: attack.rates(settings, at) };
  },
};
const tasks = JSON.parse(await new Response(process.stdin).text());
process.stdout.write(JSON.stringify(tasks.map(({ task, ...options }) => TASKS[task](options))));
"""


def compute(*tasks):
    command = [node(), "--input-type=module", "-e", PROGRAM, ENGINE.as_uri()]
    sent = json.dumps(tasks)
    result = subprocess.run(command, input=sent, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def settings(name):
    """The settings of a link."""
    found = {}
    for part in LINKS[name]["settings"].split("&"):
        key, value = part.split("=")
        try:
            found[key] = float(value)
        except ValueError:
            found[key] = value
    return found


# ---- pulls --------------------------------------------------------------------------------------

NAMES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic")
AT = [(1.5, -2.0), (-0.7, 0.4), (3.0, 2.2), (0.2, -5.5)]


@pytest.mark.parametrize("name", NAMES)
def test_pulls_are_minus_the_gradients_of_ganlib(name):
    loss = getattr(losses, name)
    (answers,) = compute({"task": "pull", "loss": name, "at": AT})
    for (real, fake), answer in zip(AT, answers, strict=True):
        r, f = tf.Variable([[real]]), tf.Variable([[fake]])
        with tf.GradientTape(persistent=True) as tape:
            values = loss.discriminator(r, f), loss.generator(r, f)
        zero = tf.UnconnectedGradients.ZERO
        gradients = tape.gradient(values[0], [r, f], unconnected_gradients=zero)
        gradients.append(tape.gradient(values[1], f, unconnected_gradients=zero))
        pulls = [-one.numpy().item() for one in gradients]
        found = [answer["real"], answer["fake"], answer["generator"]]
        assert found == pytest.approx(pulls, abs=1e-6)
        assert answer["losses"] == pytest.approx([float(one) for one in values], abs=1e-5)


def pulls(name, loss=None):
    chosen = settings(name)
    at = [[chosen["real"], chosen["fake"]]]
    return compute({"task": "pull", "loss": loss or chosen["loss"], "at": at})[0][0]


def test_links_to_pulls_show_what_their_sentences_say():
    assert 0 < pulls("saturated")["generator"] < 0.02
    assert pulls("saturated", "non_saturating")["generator"] > 0.98
    held = pulls("margin")
    assert held["real"] == held["fake"] == 0 != held["generator"]
    assert pulls("margin", "wasserstein") | {"losses": 0} == {
        **{"real": 1, "fake": -1, "generator": 1, "losses": 0}
    }
    assert pulls("overshoot")["generator"] < 0
    chosen = settings("difference")
    at = [[chosen["real"], chosen["fake"]], [chosen["real"] - 4, chosen["fake"]]]
    tasks = ({"task": "pull", "loss": one, "at": at} for one in ("relativistic", "non_saturating"))
    (one, other), (same, again) = compute(*tasks)
    assert abs(one["generator"] - other["generator"]) > 0.3
    assert same["generator"] == again["generator"]


# ---- clouds -------------------------------------------------------------------------------------

CLOUDS = [
    {"real": "lump", "fake": "ring", "x": 0.4, "y": -1, "width": 0.7, "rx": 1, "ry": 0, "n": 150},
    {
        "real": "pair",
        "fake": "few",
        "x": 0,
        "y": 0.3,
        "width": 1.3,
        "rx": 0,
        "ry": 0,
        "n": 90,
        "k": 5,
    },
]
SHAPES = ("lump", "ring", "pair", "few")


@pytest.mark.parametrize("chosen", CLOUDS)
def test_distance_precision_and_recall_are_those_of_ganlib(chosen):
    (answer,) = compute({"task": "clouds", **chosen})
    real, fake = map(np.array, answer["points"])
    assert answer["distance"] == pytest.approx(metrics.frechet_distance(real, fake), rel=1e-9)
    expected = metrics.precision_recall(real, fake, chosen.get("k", 3))
    assert (answer["precision"], answer["recall"]) == tuple(expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_one_mean_and_one_covariance(shape):
    chosen = CLOUDS[0] | {"real": shape, "rx": 0, "ry": 0, "n": 4000, "k": 1}
    with_few = chosen | {"n": 2000}
    (answer,) = compute({"task": "clouds", **with_few})
    real = np.array(answer["points"][0])
    # a variance of 2,000 points is known to √(2 / 2,000) = 0.03 at most
    assert np.abs(real.mean(0)).max() < 0.1
    assert np.abs(np.cov(real.T) - np.eye(2)).max() < 0.13


def test_links_to_clouds_show_what_their_sentences_say():
    names = "moments", "heaps", "shrunk", "widened"
    found = [{**settings(name), "seed": seed} for name in names for seed in (0, 1, 2)]
    answers = compute(*({"task": "clouds", **one, "n": int(one["n"])} for one in found))
    ring, heaps, narrow, wide = (answers[k : k + 3] for k in (0, 3, 6, 9))
    for one in ring:
        assert one["distance"] < 0.1
        assert one["precision"] == pytest.approx(0.2, abs=0.05)
    for one in heaps:
        assert one["distance"] < 0.1
        assert one["precision"] > 0.9
        assert one["recall"] < 0.1
    for one in narrow:
        assert one["precision"] > 0.9
        assert one["recall"] < 0.2
        assert 1 < one["distance"] < 3
    for one in wide:
        assert 0.5 < one["precision"] < 0.8
        assert one["recall"] > 0.95
        assert 1 < one["distance"] < 3


# ---- thresholds ---------------------------------------------------------------------------------

ATTACKS = [
    {"threshold": 1.0, "shift": 0.8, "share": 100, "n": 200, "pool": 30},
    {"threshold": 2.5, "shift": 4, "share": 10, "n": 500, "pool": 50, "seed": 3},
]


@pytest.mark.parametrize("chosen", ATTACKS)
def test_rates_and_areas_are_those_of_scikit_learn(chosen):
    (answer,) = compute({"task": "attack", **chosen})
    n, at = chosen["n"], chosen["threshold"]
    labels, scores = np.repeat([1, 0], n), np.array(answer["members"] + answer["outsiders"])
    assert answer["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert np.allclose(answer["points"], np.stack([fpr, tpr], 1))
    assert answer["early"] == tpr[fpr <= 0.01].max()
    accused = scores >= at
    assert (answer["tpr"], answer["fpr"]) == (accused[:n].mean(), accused[n:].mean())
    weights = np.repeat([chosen["pool"], 100 - chosen["pool"]], n)
    assert answer["guilty"] == pytest.approx((weights * accused)[:n].sum() / weights[accused].sum())
    share = chosen["share"] / 100
    law = norm.sf(at), share * norm.sf(at - chosen["shift"]) + (1 - share) * norm.sf(at)
    assert answer["law"] == pytest.approx(law, abs=2e-7)


def test_links_to_attacks_show_what_their_sentences_say():
    names = "everyone", "few", "rare"
    tasks = [
        {"task": "attack", "pool": 50, "seed": seed, **settings(name)}
        for name in names
        for seed in (0, 1, 2)
    ]
    answers = compute(*({**one, "n": int(one["n"])} for one in tasks))
    for one in answers[:3]:
        assert one["auc"] == pytest.approx(0.7, abs=0.05)
        assert one["early"] < 0.1
    for one in answers[3:6]:
        assert 0.5 < one["auc"] < 0.6
        assert 0.07 < one["early"] < 0.15
    for one in answers[6:]:
        assert one["guilty"] < 0.1


# ---- the pages ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def person(chromium, rendered_book):  # noqa: F811
    return Reader(chromium, rendered_book.as_uri() + "/")


def visit(person, name, chosen="", size=DESKTOP, theme="light"):
    person.noted.clear()
    person.page.goto("about:blank")
    person.open(f"book/live_{name}.html" + (f"#{chosen}" if chosen else ""), size, theme)
    person.page.wait_for_function("document.querySelector('.live-verdict').textContent")


def verdict(person):
    return person.page.locator(".live-verdict").inner_text()


@pytest.mark.parametrize(
    ("name", "label", "key"),
    [
        ("pull", "Logit of a generated one", "End"),
        ("clouds", "Generated width", "Home"),
        ("attack", "Threshold", "End"),
    ],
)
def test_keys_change_what_is_said(person, name, label, key):
    visit(person, name)
    before = verdict(person)
    person.page.get_by_label(label, exact=True).focus()
    person.page.keyboard.press(key)
    assert verdict(person) != before
    assert person.noted == []


@pytest.mark.parametrize(
    ("name", "start", "end", "moved"),
    [
        ("pull", (0.625, 0.5), (0.9, 0.5), {"real": 4.8, "fake": -2}),
        ("clouds", (0.625, 0.4375), (0.25, 0.25), {"x": -2, "y": 2, "rx": -0.5}),
        ("attack", (0.4, 0.5), (0.5, 0.2), {"threshold": 1.5}),
    ],
)
def test_pointer_drags(person, name, start, end, moved):
    visit(person, name)
    box = person.page.locator("canvas").first.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    person.page.mouse.move(*places[0])
    person.page.mouse.down()
    person.page.mouse.move(*places[1])
    person.page.mouse.up()
    for control, value in moved.items():
        found = person.page.eval_on_selector(f"[data-name={control}]", "(one) => one.value")
        assert float(found) == pytest.approx(value, abs=0.15)
    assert person.noted == []


@pytest.mark.parametrize(("size", "theme"), [(PHONE, "light"), (DESKTOP, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(person, name, size, theme):
    visit(person, name, size=size, theme=theme)
    person.page.evaluate(AXE_SCRIPT)
    assert person.ask("layout()", "structure()", f"contrast('{theme}')") + person.noted == []


# ---- a finger -----------------------------------------------------------------------------------


@pytest.fixture
def finger(chromium, rendered_book):  # noqa: F811
    """Opens a page on a phone; gives its picture, its sliders' values and a finger that swipes."""
    context = chromium.new_context(has_touch=True, is_mobile=True, viewport=PHONE)
    page = context.new_page()
    protocol = context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": x, "y": y} for x, y in places]
        protocol.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(20)

    def swipe(name, begin, by):
        page.goto(f"{rendered_book.as_uri()}/book/live_{name}.html")
        canvas = page.locator(".live canvas").first
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        x, y = box["x"] + begin[0] * box["width"], box["y"] + begin[1] * box["height"]
        before = page.evaluate(LOOK)
        touch("touchStart", (x, y))
        for k in range(1, 11):
            touch("touchMove", (x + by[0] * k / 10, y + by[1] * k / 10))
        touch("touchEnd")
        page.wait_for_timeout(200)
        return before, page.evaluate(LOOK)

    yield swipe
    context.close()


LOOK = """() => {
  const controls = [...document.querySelectorAll("[data-name]")];
  return [scrollY, Object.fromEntries(controls.map((one) => [one.dataset.name, one.value]))];
}"""


@pytest.mark.parametrize("name", ["dirac", *PAGES])
def test_finger_scrolls_over_a_picture_and_leaves_it_as_it_is(finger, name):
    (top, values), (later, same) = finger(name, (0.1, 0.9), (0, -150))
    assert later > top + 50
    assert same == values


@pytest.mark.parametrize(
    ("name", "place", "moved"),
    [("dirac", (0.75, 0.5), {"theta", "psi"}), ("clouds", (0.625, 0.4375), {"x", "y"})],
)
def test_finger_takes_hold_of_what_it_touches(finger, name, place, moved):
    (top, values), (later, others) = finger(name, place, (-40, -90))
    assert later == top
    assert {key for key in values if others[key] != values[key]} == moved


def test_finger_moves_a_threshold_across(finger):
    (_, values), (_, others) = finger("attack", (0.3, 0.5), (120, 0))
    assert float(others["threshold"]) > float(values["threshold"]) + 1
