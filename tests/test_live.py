"""The engine of the pages that train in the browser, run by Node beside ganlib and TensorFlow."""

import functools
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ganlib import data, losses, metrics, penalties, pretrained, toy
from ganlib._tensorflow import keras, tf
from tools import live

ROOT = Path(__file__).resolve().parents[1]
ENGINE = ROOT / "book" / "live" / "engine"
HARNESS = ROOT / "tests" / "live_engine.mjs"
# One process for all: what TensorFlow says is computed once.
pytestmark = pytest.mark.xdist_group("live")
LINKS = json.loads((ROOT / "book" / "live" / "links.json").read_text(encoding="utf-8"))


def node():
    """The path of a Node: the one of this machine, or the one that Playwright brings."""
    if found := shutil.which("node"):
        return found
    import playwright

    return str(Path(playwright.__file__).parent / "driver" / "node")


def run(*tasks, engine=ENGINE):
    """The answers of the engine to tasks of live_engine.mjs."""
    command = [node(), str(HARNESS), str(engine)]
    sent = json.dumps(tasks, default=lambda array: np.asarray(array).tolist())
    result = subprocess.run(command, input=sent, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def difference(ours, theirs):
    """The length of the difference of two arrays, relative to the length of the second."""
    theirs = np.asarray(theirs, np.float64).ravel()
    return np.linalg.norm(np.asarray(ours, np.float64).ravel() - theirs) / np.linalg.norm(theirs)


# ---- a run, replayed with TensorFlow ------------------------------------------------------------

SIZES = {"generator": (2, 64, 64, 64, 2), "discriminator": (2, 64, 64, 64, 1)}
LOSSES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic")


def variables(flat, player, dtype):
    """The weights of a network of the page as variables: kernel, bias, kernel, ..."""
    found, begin = [], 0
    for inputs, outputs in zip(SIZES[player], SIZES[player][1:], strict=False):
        for shape in ((inputs, outputs), (outputs,)):
            end = begin + int(np.prod(shape))
            found.append(tf.Variable(np.reshape(flat[begin:end], shape), dtype=dtype))
            begin = end
    return found


def network(weights, player):
    """The network of the page as a function of points, in TensorFlow."""
    slope = 0.0 if player == "generator" else 0.2

    def function(x):
        for k in range(0, len(weights) - 2, 2):
            x = x @ weights[k] + weights[k + 1]
            x = tf.where(x > 0, x, slope * x)
        return x @ weights[-2] + weights[-1]

    return function


def gathered(gradients, weights):
    """Gradients as one array; a weight that plays no part has none."""
    given = zip(gradients, weights, strict=True)
    return np.concatenate([np.ravel(np.zeros(w.shape) if g is None else g) for g, w in given])


CASES = {  # link, ganlib's loss, ganlib's penalties
    **{f"loss {name}": (f"loss={name}&penalty=none", getattr(losses, name), ()) for name in LOSSES},
    "smoothed": (
        "smoothing=0.2&penalty=none",
        losses.smoothed(losses.non_saturating, 0.2),
        (),
    ),
    "r1": ("penalty=r1&weight=1", losses.non_saturating, (penalties.r1,)),
    "r2": ("loss=hinge&penalty=r2&weight=0.5", losses.hinge, (penalties.r2,)),
    "both": ("loss=minimax&penalty=r1r2&weight=2", losses.minimax, (penalties.r1, penalties.r2)),
}


@functools.cache
def ganlib_gradients(name):
    """Losses, penalties and gradients of one step by ganlib, at the engine's weights and points."""
    link, loss, terms = CASES[name]
    (answer,) = run({"task": "train", "link": f"{link}&batch=64&seed=3", "float": 32, "steps": 1})
    weights = {player: variables(answer["first"][player], player, tf.float32) for player in SIZES}
    found = {}
    for turn in answer["turns"]:
        real, fake = np.reshape(turn["points"], (2, 64, 2)).astype(np.float32)
        discriminator = network(weights["discriminator"], "discriminator")
        with tf.GradientTape() as tape:
            if turn["player"] == "discriminator":
                value = loss.discriminator(discriminator(real), discriminator(fake))
                added = [term(discriminator, real, fake) for term in terms]
                total = value + answer["settings"]["weight"] * sum(added)
            else:
                generated = network(weights["generator"], "generator")(
                    np.reshape(turn["latents"], (64, 2)).astype(np.float32)
                )
                value = total = loss.generator(discriminator(real), discriminator(generated))
                added = []
        of = weights[turn["player"]]
        found[turn["player"]] = {
            "loss": float(value),
            "penalties": [float(one) for one in added],
            "gradients": gathered(tape.gradient(total, of), of),
        }
        # the generator meets the discriminator that has just moved
        weights[turn["player"]] = variables(turn["after"], turn["player"], tf.float32)
    return found


def step_disagreements(name, engine):
    """Where one step of the engine differs from ganlib by more than 1e-6."""
    link = f"{CASES[name][0]}&batch=64&seed=3"
    (answer,) = run({"task": "train", "link": link, "float": 32, "steps": 1}, engine=engine)
    found = []
    for turn in answer["turns"]:
        expected = ganlib_gradients(name)[turn["player"]]
        values = [turn["loss"], *turn.get("penalties", [])]
        found.append(difference(values, [expected["loss"], *expected["penalties"]]))
        found.append(difference(turn["gradients"], expected["gradients"]))
    return [error for error in found if not error < 1e-6]


@pytest.mark.parametrize("name", CASES)
def test_losses_penalties_and_gradients_are_those_of_ganlib(name):
    assert step_disagreements(name, ENGINE) == []


# ---- fifty steps in float64 ---------------------------------------------------------------------


def softplus(x):
    return tf.nn.softplus(x)


MEAN = tf.reduce_mean
FORMULAS = {  # from the papers named in ganlib/losses.py, in float64
    "minimax": (
        lambda r, f: MEAN(softplus(-r)) + MEAN(softplus(f)),
        lambda r, f: -MEAN(softplus(f)),
    ),
    "non_saturating": (
        lambda r, f: MEAN(softplus(-r)) + MEAN(softplus(f)),
        lambda r, f: MEAN(softplus(-f)),
    ),
    "least_squares": (
        lambda r, f: MEAN((r - 1) ** 2) / 2 + MEAN(f**2) / 2,
        lambda r, f: MEAN((f - 1) ** 2) / 2,
    ),
    "hinge": (
        lambda r, f: MEAN(tf.nn.relu(1 - r)) + MEAN(tf.nn.relu(1 + f)),
        lambda r, f: -MEAN(f),
    ),
    "wasserstein": (lambda r, f: MEAN(f) - MEAN(r), lambda r, f: -MEAN(f)),
    "relativistic": (lambda r, f: MEAN(softplus(f - r)), lambda r, f: MEAN(softplus(r - f))),
}


def slopes(function, points):
    """‖∇‖² of a network at each point."""
    with tf.GradientTape() as tape:
        tape.watch(points)
        total = tf.reduce_sum(function(points))
    return tf.reduce_sum(tape.gradient(total, points) ** 2, axis=1)


def penalty(kind, function, real, fake, alpha):
    between = alpha[:, None] * real + (1 - alpha[:, None]) * fake
    return {
        "r1": lambda: MEAN(slopes(function, real)) / 2,
        "r2": lambda: MEAN(slopes(function, fake)) / 2,
        "r1r2": lambda: (MEAN(slopes(function, real)) + MEAN(slopes(function, fake))) / 2,
        "wgan_gp": lambda: MEAN((tf.sqrt(slopes(function, between) + 1e-12) - 1) ** 2),
    }.get(kind, lambda: tf.constant(0.0, tf.float64))()


class Rule:
    """An optimizer in float64 NumPy, after the papers, with Keras's place of epsilon."""

    def __init__(self, kind, rate):
        self.kind, self.rate, self.steps, self.m, self.v = kind, rate, 0, 0.0, 0.0

    def move(self, values, gradients):
        if self.kind in ("sgd", "momentum"):
            self.m = (0.9 if self.kind == "momentum" else 0.0) * self.m - self.rate * gradients
            return values + self.m
        beta1, beta2 = {"adam0": (0, 0.99), "adam5": (0.5, 0.99), "adam9": (0.9, 0.999)}[self.kind]
        self.steps += 1
        self.m = beta1 * self.m + (1 - beta1) * gradients
        self.v = beta2 * self.v + (1 - beta2) * gradients**2
        correction = np.sqrt(1 - beta2**self.steps) / (1 - beta1**self.steps)
        return values - self.rate * correction * self.m / (np.sqrt(self.v) + 1e-7)


RUNS = [
    "loss=non_saturating&penalty=r1&optimizer=adam0&seed=1",
    "loss=wasserstein&penalty=wgan_gp&weight=10&k=2&optimizer=adam5&seed=2",
    "loss=relativistic&penalty=r1r2&weight=0.3&optimizer=momentum&d_rate=0.01&g_rate=0.01&seed=3",
    "loss=minimax&penalty=none&smoothing=0.1&optimizer=adam9&data=spiral&seed=4",
    "loss=wasserstein&penalty=clip&weight=0.1&k=2&data=grid&seed=5",
    "loss=hinge&penalty=r2&optimizer=sgd&d_rate=0.03&g_rate=0.03&data=moons&seed=6",
]
NUM_STEPS, BATCH = 50, 32


@functools.cache
def reference(link):
    """The weights after the steps, by TensorFlow's gradients, in float64, of the engine's data."""
    task = {"task": "train", "link": f"{link}&batch={BATCH}", "float": 64, "steps": NUM_STEPS}
    (answer,) = run(task)
    chosen, smoothing = answer["settings"], answer["settings"]["smoothing"]
    parts = dict(zip(("discriminator", "generator"), FORMULAS[chosen["loss"]], strict=True))
    values = {player: np.array(answer["first"][player]) for player in SIZES}
    rates = {"generator": chosen["g_rate"], "discriminator": chosen["d_rate"]}
    rules = {player: Rule(chosen["optimizer"], float(rates[player])) for player in SIZES}

    @tf.function(autograph=False)
    def gradients(player, flat, real, latents, alpha):
        weights = {}
        for name in SIZES:
            begin, weights[name] = 0, []
            for inputs, outputs in zip(SIZES[name], SIZES[name][1:], strict=False):
                for shape in ((inputs, outputs), (outputs,)):
                    end = begin + int(np.prod(shape))
                    weights[name].append(tf.reshape(flat[name][begin:end], shape))
                    begin = end
        with tf.GradientTape() as tape:
            tape.watch(weights)
            functions = {name: network(weights[name], name) for name in SIZES}
            fake = functions["generator"](latents)
            logits = functions["discriminator"](real), functions["discriminator"](fake)
            total = parts[player](*logits)
            if player == "discriminator":
                fake = tf.stop_gradient(fake)
                added = penalty(chosen["penalty"], functions["discriminator"], real, fake, alpha)
                total += chosen["weight"] * added + smoothing * MEAN(logits[0])
        nothing = tf.UnconnectedGradients.ZERO
        found = tape.gradient(total, weights[player], unconnected_gradients=nothing)
        return tf.concat([tf.reshape(one, [-1]) for one in found], 0)

    for turn in answer["turns"]:
        player = turn["player"]
        real = np.reshape(turn["points"], (2, BATCH, 2))[0]
        latents = np.reshape(turn["latents"], (BATCH, 2))
        alpha = np.array(turn.get("between", [0.0] * BATCH))
        found = gradients(player, values, real, latents, alpha).numpy()
        values[player] = rules[player].move(values[player], found)
        if player == "discriminator" and chosen["penalty"] == "clip":
            bound = chosen["weight"]
            values[player] = np.clip(values[player], -bound, bound)
    return values


def run_disagreements(link, engine):
    """Where fifty steps of the engine in float64 lead elsewhere, by more than 1e-9."""
    task = {"task": "train", "link": f"{link}&batch={BATCH}", "float": 64, "steps": NUM_STEPS}
    (answer,) = run(task, engine=engine)
    found = [difference(answer["last"][player], reference(link)[player]) for player in SIZES]
    return [error for error in found if not error < 1e-9]


LONG = {RUNS[2], RUNS[5]}  # what the others do not have is in the one-step tests too


def case(link, *values):
    """A case of a run, or of a network of images; the long ones are run with ``--slow``."""
    return pytest.param(*values, link, marks=[pytest.mark.slow] if link in LONG else [])


@pytest.mark.parametrize("link", [case(link) for link in RUNS])
def test_fifty_steps_in_float64_are_those_of_tensorflow(link):
    assert run_disagreements(link, ENGINE) == []


KERAS = {
    "adam0": {"beta_1": 0.0, "beta_2": 0.99},
    "adam5": {"beta_1": 0.5, "beta_2": 0.99},
    "adam9": {"beta_1": 0.9, "beta_2": 0.999},
    "sgd": {},
    "momentum": {"momentum": 0.9},
}


@pytest.mark.parametrize("kind", KERAS)
def test_optimizers_are_those_of_keras(kind):
    link = f"optimizer={kind}&d_rate=0.01&batch=16&seed=9"
    (answer,) = run({"task": "train", "link": link, "float": 32, "steps": 4})
    family = keras.optimizers.Adam if kind.startswith("adam") else keras.optimizers.SGD
    optimizer = family(0.01, **KERAS[kind])
    variable = keras.Variable(np.float32(answer["first"]["discriminator"]))
    optimizer.build([variable])
    for turn in answer["turns"]:
        if turn["player"] == "discriminator":
            optimizer.apply([tf.constant(turn["gradients"], tf.float32)], [variable])
            assert difference(turn["after"], variable.numpy()) < 1e-6


# ---- networks of images -------------------------------------------------------------------------


def image_network(name):
    """A small network with convolutions both ways, in float64."""
    layers = functools.partial(keras.layers.Conv2D, padding="same", dtype="float64")
    transposed = functools.partial(keras.layers.Conv2DTranspose, padding="same", dtype="float64")
    inputs = keras.Input((5, 6, 2), dtype="float64")
    x = layers(3, 3, strides=2, activation="tanh")(inputs)
    inner = layers(3, 3, activation="sigmoid" if name == "smooth" else "relu", use_bias=False)(x)
    x = keras.layers.Add(dtype="float64")([x, inner])
    x = transposed(2, 4, strides=2)(x)
    if name == "smooth":
        x = keras.layers.BatchNormalization(dtype="float64")(x)
        x = keras.layers.Activation("tanh", dtype="float64")(x)
    else:
        x = keras.layers.LeakyReLU(negative_slope=0.25, dtype="float64")(x)
    x = layers(2, 4, strides=3)(x)
    outputs = keras.layers.Dense(1, dtype="float64")(keras.layers.Flatten(dtype="float64")(x))
    model = keras.Model(inputs, outputs)
    random = np.random.default_rng(5)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # then γ and β are scale and offset
            layer.moving_variance.assign(np.full(2, 1 - layer.epsilon))
    return model


@functools.cache
def image_case(name):
    """A network, what goes in, and what TensorFlow makes of it."""
    model, random = image_network(name), np.random.default_rng(6)
    x, dy = random.normal(size=(3, 5, 6, 2)), random.normal(size=(3, 1))
    description, values = live.describe(model)
    points = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(points)
        y = model(points)
        total = tf.reduce_sum(y * dy)
    expected = {"y": y, "dx": tape.gradient(total, points)}
    weights = model.trainable_weights
    expected["gradients"] = gathered(tape.gradient(total, weights), weights)
    for kind in ("r1", "wgan_gp"):
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(points)
                summed = tf.reduce_sum(model(points))
            squares = tf.reduce_sum(inner.gradient(summed, points) ** 2, axis=[1, 2, 3])
            value = MEAN(squares) / 2
            if kind == "wgan_gp":
                value = MEAN((tf.sqrt(squares + 1e-12) - 1) ** 2)
        expected[kind] = value, gathered(tape.gradient(value, weights), weights)
    task = {"task": "network", "description": description, "values": values, "float": 64}
    return {**task, "x": x.ravel(), "dy": dy.ravel(), "n": 3}, expected


def image_disagreements(name, engine):
    """Where a network of images differs from TensorFlow's in float64, by more than 1e-9."""
    task, expected = image_case(name)
    found = []
    for kind in ("r1", "wgan_gp"):
        (answer,) = run(task | {"penalty": kind}, engine=engine)
        value, gradients = expected[kind]
        found += [difference(answer[key], expected[key]) for key in ("y", "dx")]
        found.append(difference(answer["gradients"], expected["gradients"]))
        found.append(difference(answer["penalty"], value))
        found.append(difference(answer["penaltyGradients"], gradients))
    return [error for error in found if not error < 1e-9]


@pytest.mark.parametrize("name", ["smooth", "bent"])
def test_networks_of_images_and_their_penalties_are_those_of_tensorflow(name):
    assert image_disagreements(name, ENGINE) == []


@pytest.mark.parametrize("name", ["smooth", "bent"])
def test_gradients_of_penalties_are_central_differences(name):
    """The same without TensorFlow: differences of the engine's own values, one weight at a time."""
    task, _ = image_case(name)
    places = np.linspace(0, len(task["values"]) - 1, 40).astype(int)
    for kind in ("r1", "wgan_gp"):
        moved = []
        for place in places:
            for step in (-1e-5, 1e-5):
                values = task["values"].copy()
                values[place] += step
                moved.append(task | {"values": values, "penalty": kind})
        answer, *answers = run(task | {"penalty": kind}, *moved)
        values = np.reshape([one["penalty"] for one in answers], (-1, 2))
        differences = (values[:, 1] - values[:, 0]) / 2e-5
        assert difference(np.array(answer["penaltyGradients"])[places], differences) < 1e-7


@pytest.mark.parametrize("name", ["fashion_dcgan", "emoji_dcgan"])
def test_generators_of_ganlib_draw_the_same_pixels(name):
    generator = getattr(pretrained, name)()
    latents = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    description, values = live.describe(generator)
    task = {"description": description, "values": values, "x": latents.ravel(), "n": 64}
    (answer,) = run({"task": "network", "float": 32, **task})
    images = generator(latents, training=False).numpy()
    ours = np.reshape(answer["y"], images.shape).astype(np.float32)
    assert np.abs(ours - images).max() < 1e-5
    pixels = data.to_uint8(ours).astype(int) - data.to_uint8(images)
    # Where a number lies between two pixel values to within rounding, either is right.
    ties = np.abs((images + 1) * 127.5 % 1 - 0.5) < 1e-3
    assert (pixels[~ties] == 0).all()
    assert np.abs(pixels).max() <= 1
    assert np.count_nonzero(pixels) <= {"fashion_dcgan": 0, "emoji_dcgan": 100}[name]


def test_layer_that_the_engine_lacks_is_refused():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.MaxPooling2D()])
    with pytest.raises(ValueError, match="MaxPooling2D"):
        live.describe(model)


# ---- the tests themselves -----------------------------------------------------------------------

FAULTS = [  # file, what is there, what is put there, who notices
    ("layers.js", 'slopes(bdx, "bdy", n)', 'slopes(bdx.map((b) => -b), "bdy", n)', RUNS[0]),
    ("images.js", "dy[j] * bend(y[j])", "-dy[j] * bend(y[j])", "smooth"),
    ("images.js", "dx[j] += this.bent[j]", "dx[j] -= this.bent[j]", "smooth"),
    ("layers.js", "this.outer(bdx, this.dy", "this.outer(this.x, this.dy", RUNS[0]),
    ("images.js", "slope: (h) => 1 - h * h", "slope: (h) => 1 + h * h", "smooth"),
    ("network.js", "weight * 2 * h.slope", "-weight * 2 * h.slope", RUNS[0]),
    ("penalties.js", "1 - 1 / root", "1 + 1 / root", RUNS[1]),
    ("penalties.js", "a * x + (1 - a)", "(1 - a) * x + a", RUNS[1]),
    ("losses.js", "[softplus(-f), 0, -sigmoid(-f)]", "[softplus(-f), 0, sigmoid(-f)]", RUNS[0]),
    ("losses.js", "dr + share", "dr - share", RUNS[3]),
    ("optimizers.js", "- rate * gradients[j]", "+ rate * gradients[j]", RUNS[2]),
    ("optimizers.js", "(1 - beta2 ** this.steps)", "(1 + beta2 ** this.steps)", RUNS[0]),
    ("images.js", "a - c.top", "a + c.top", "smooth"),
    ("training.js", "G.backward(arrows, n)", "G.backward(arrows.map((x) => -x), n)", RUNS[0]),
    ("training.js", "2 * (n - begin)", "0", RUNS[2]),
    ("training.js", "clip(D, settings.weight)", "clip(D, 2 * settings.weight)", RUNS[4]),
]


@pytest.mark.parametrize(
    ("file", "right", "wrong", "link"), [case(link, *fault) for *fault, link in FAULTS]
)
def test_broken_sign_is_noticed(tmp_path, file, right, wrong, link):
    engine = tmp_path / "engine"
    shutil.copytree(ENGINE, engine)
    text = (engine / file).read_text(encoding="utf-8")
    assert text.count(right) == 1
    (engine / file).write_text(text.replace(right, wrong), encoding="utf-8")
    notice = image_disagreements if link == "smooth" else run_disagreements
    assert notice(link, engine)


# ---- what is shown ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_data_have_the_modes_the_density_and_the_spread_of_ganlib(name):
    at = [[2.0, 0.05], [0.3, -0.9], [1.02, 0.97], [-2, 0]]
    (answer,) = run({"task": "sample", "data": name, "points": [], "n": 4000, "at": at})
    mixture = getattr(toy, name)()
    assert np.allclose(answer["modes"], mixture.modes)
    assert np.allclose(answer["density"], mixture.density(at), rtol=1e-9)
    found = metrics.mode_coverage(np.reshape(answer["sample"], (-1, 2)), mixture.modes, 0.15)
    # 1 − e^(−9/2) = 0.9889 of the points are within 3σ; three standard errors of 4,000 points
    assert found.share_close == pytest.approx(0.9889, abs=0.005)
    assert np.abs(np.array(found.shares) * len(mixture.modes) - 1).max() < 0.35


@pytest.mark.parametrize("name", ["spiral", "moons", "drawn"])
def test_densities_sum_to_one_and_fit_the_samples(name):
    cells = np.linspace(-3, 3, 301)[:-1] + 0.01
    at = np.stack(np.meshgrid(cells, cells), -1).reshape(-1, 2)
    task = {"task": "sample", "data": name, "points": [[0, 1], [-1, 0.5]], "n": 20_000, "at": at}
    (answer,) = run(task)
    mass = np.array(answer["density"]) * 0.02**2
    assert mass.sum() == pytest.approx(1, abs=1e-3)
    points = np.reshape(answer["sample"], (-1, 2))
    expected = np.reshape(mass, (300, 300)).reshape(10, 30, 10, 30).sum((1, 3))  # rows are y
    seen = np.histogram2d(points[:, 1], points[:, 0], 10, [[-3, 3]] * 2)[0] / len(points)
    errors = np.sqrt(expected * (1 - expected) / len(points))
    assert (np.abs(seen - expected) < 4.5 * errors + 1e-4).all()


def test_modes_are_counted_as_in_ganlib():
    points = np.random.default_rng(2).normal(size=(500, 2)) * 1.5
    modes, std = toy.ring().modes, 0.1
    (found,) = run({"task": "coverage", "points": points.ravel(), "modes": modes, "std": std})
    expected = metrics.mode_coverage(points.astype(np.float32), modes, 3 * std)
    assert found["reached"] == expected.num_covered
    assert found["close"] == pytest.approx(expected.share_close)
    filled = np.array(expected.shares) * expected.share_close >= 0.5 / 8
    assert found["filled"] == filled.sum()


def test_surface_arrows_and_best_discriminator_are_those_of_the_weights():
    (shown,) = run({"task": "show", "link": "batch=64", "steps": 20})
    weights = variables(shown["values"], "discriminator", tf.float32)
    function = network(weights, "discriminator")
    centres = -3 + 0.15 * (np.arange(40) + 0.5)
    places = np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 2).astype(np.float32)
    surface = tf.sigmoid(function(places))
    assert difference(shown["surface"], surface) < 1e-5
    points = tf.constant(np.reshape(shown["places"], (-1, 2)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(points)
        # the non-saturating loss of each point
        total = tf.reduce_sum(tf.nn.softplus(-function(points)))
    arrows = -tape.gradient(total, points).numpy()
    assert difference(shown["arrows"], arrows) < 1e-5
    assert shown["push"] == pytest.approx(np.linalg.norm(arrows, axis=1).mean(), rel=1e-5)
    best = np.array(shown["best"], np.float64)  # null where there is nothing
    assert np.nanmin(best) >= 0
    assert np.nanmax(best) <= 1
    assert 0 < shown["least"] < np.log(4)


def test_a_look_between_two_arrows_does_not_disturb_the_step():
    (quiet, watched) = run(
        {"task": "train", "link": "penalty=r1r2&seed=1&batch=16", "float": 32, "steps": 3},
        {"task": "watch", "link": "penalty=r1r2&seed=1&batch=16", "steps": 3},
    )
    assert watched["discriminator"] == quiet["last"]["discriminator"]
    assert watched["generator"] == quiet["last"]["generator"]


def test_numbers_that_run_away_are_noticed():
    link = "loss=wasserstein&penalty=none&optimizer=sgd&g_rate=0.3&d_rate=0.3"
    (shown,) = run({"task": "show", "link": link, "steps": 200})
    assert shown["lost"]
    assert shown["steps"] < 200
