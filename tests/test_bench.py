"""The bench: what it counts, what its contestants are, and that an interrupted one goes on."""

import contextlib
import functools
import importlib.util
import inspect
import itertools
import json
import math
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from benchmarks import (
    arithmetic,
    figures,
    figures_speed,
    finals,
    growth,
    limit,
    metrics,
    quality,
    recipe,
    results,
    search,
    tables,
    throughput,
    variants,
    worker,
)
from benchmarks.metrics import features
from ganbook import kept, keys
from ganlib import metrics as ganlib_metrics
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan
from tools import bench

NEEDS_TORCH = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
)


# --- what is kept --------------------------------------------------------------------------------

PLAN = metrics.plan(
    {"sizes": [[300, 8]], "num_repeats": 1, "subset_size": 100, "num_subsets": 3}, metrics.WAYS
)
CALLS = {call.parameters["name"]: call for call in PLAN}


def test_run_of_another_machine_or_of_another_version_of_what_it_uses_is_none(
    tmp_path, monkeypatch
):
    part, call = results.Part("metrics", tmp_path), CALLS["frechet scipy"]
    part.store.put(call, {"seconds": 1.5}, seconds=2.0)
    assert part.missing([call]) == []
    about = {"processor": "another", "scipy": "0.1"}
    real = kept.machine
    for name, value in about.items():
        monkeypatch.setattr(kept, "machine", lambda *args, one={name: value}: real(*args) | one)
        assert part.missing([call]) == [call]
        assert part.found([call]) == {}
    kept_file = part.store.path(call.name)
    said = json.loads(kept_file.read_text(encoding="utf-8"))
    said["machine"]["torch"] = "what the machine had beside it"
    kept_file.write_text(json.dumps(said), encoding="utf-8")
    monkeypatch.setattr(kept, "machine", real)
    assert part.missing([call]) == []


def test_what_is_said_of_a_part_stands_beside_its_runs(tmp_path):
    part, call = results.Part("metrics", tmp_path), CALLS["frechet scipy"]
    part.store.put(call, {"seconds": 1.5}, seconds=2.0)
    assert not part.is_written()
    part.write({"steps": 3}, best="it")
    found = results.load("metrics", tmp_path)
    assert (found["protocol"], found["best"]) == ({"steps": 3}, "it")
    assert found["runs"] == {call.name: call.parameters | {"seconds": 1.5}} == part.found([call])


KILLED = """
import os, signal, sys
from benchmarks import worker
from tools import bench

class Fake:
    def __init__(self, part, about):
        self.name = about["name"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self):
        print(self.name, flush=True)
        if self.name == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"seconds": 1.0, "megabytes": 2.0, "value": 3.0}

worker.Worker = Fake
words = ["--only", "frechet ganlib", "frechet scipy", "kernel ganlib", "--output", sys.argv[1]]
sys.exit(bench.main(["metrics", "--quick", *words]))
"""


def test_finished_run_survives_a_kill(tmp_path):
    def asked(dies_at):
        words = [sys.executable, "-c", KILLED, str(tmp_path), dies_at]
        done = subprocess.run(words, cwd=keys.ROOT, capture_output=True, text=True, check=False)
        names = [line for line in done.stdout.splitlines() if line in metrics.WAYS]
        return done.returncode, names

    assert asked("frechet scipy") == (-signal.SIGKILL, ["frechet ganlib", "frechet scipy"])
    assert asked("nobody") == (0, ["frechet scipy", "kernel ganlib"])
    assert len(results.load("metrics", tmp_path)["summary"]) == 3


# --- what a run is made from ---------------------------------------------------------------------


def planned():
    """Returns dict: a run's name, or what it measures -> its key."""
    protocol = {"num_blocks": 1, "num_steps": 1, "num_part_steps": 1, "num_files": 1}
    protocol |= {"images": "fashion_mnist", "times": [1], "num_images": 1, "num_training": 1}
    protocol["seed"] = 0
    protocol |= {"grid": {"width": [4]}, "sizes": [[1, 1]], "num_repeats": 1}
    protocol |= {"subset_size": 1, "num_subsets": 1}
    runs = [quality.planned(quality.GREY, name, 1.0, protocol) for name in quality.GREY.contestants]
    runs += [*growth.plan(protocol), limit.plan({}), *search.plan({}, {"search": {}})]
    keras_loops = throughput.plan(protocol, ["ganlib", "tensorflow"])[0]
    all_loops = throughput.plan(protocol, list(throughput.CONTESTANTS))[0]
    return (
        {run.name: run.key for run in runs}
        | {call.parameters["name"]: call.key for call in metrics.plan(protocol, metrics.WAYS)}
        | {"block": keras_loops.key, "block with PyTorch": all_loops.key}
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the code, and the keys of what it makes."""
    root = tmp_path_factory.mktemp("tree")
    for folder in keys.PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(keys.ROOT / folder, root / folder, ignore=ignored)
    (root / recipe.LAB).parent.mkdir()
    shutil.copy(keys.ROOT / recipe.LAB, root / recipe.LAB)
    return root, planned()


@pytest.fixture
def stale(tree, monkeypatch):
    """Function: a file and two texts -> what is stale where the file says one for the other."""
    root, before = tree
    cached, written = [recipe._cells, recipe._code, recipe.key], {}
    monkeypatch.setattr(recipe, "key", functools.partial(recipe.key, root=root))

    def after(file, old, new):
        written[root / file] = text = (root / file).read_text(encoding="utf-8")
        assert old in text
        (root / file).write_text(text.replace(old, new), encoding="utf-8")
        for function in cached:
            function.cache_clear()
        return {name for name, key in planned().items() if key != before[name]}

    yield after
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    for function in cached:
        function.cache_clear()


def file_of(thing):
    return Path(inspect.getfile(thing)).relative_to(keys.ROOT).as_posix()


LABS_GAN = {"ganlib ×1", "width 4", "step", "block", "block with PyTorch", "search"}
RELATIVE_DISTANCE = {*(f"{name} ×1" for name in quality.GREY.contestants), "search"}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("benchmarks/peers_torch.py", "(0.5, 0.999)", "(0.5, 0.99)", {"pytorch_gan ×1"}),
        ("benchmarks/peers_keras.py", "Dropout(0.3)", "Dropout(0.5)", {"tensorflow_tutorial ×1"}),
        ("benchmarks/loops_torch.py", "self._steps += 1", "pass", {"block with PyTorch"}),
        ("benchmarks/metrics.py", "linalg.sqrtm", "linalg.cosm", {"frechet scipy"}),
        (file_of(dcgan), "negative_slope=0.2", "negative_slope=0.3", LABS_GAN),
        (recipe.LAB, "beta_1 = 0.0", "beta_1 = 0.5", LABS_GAN),
        (
            file_of(ganlib_metrics.relative_frechet_distance),
            "_MIN_PIVOT_RATIO = ",
            "_MIN_PIVOT_RATIO = 2 * ",
            RELATIVE_DISTANCE | {"frechet ganlib"},
        ),
    ],
)
def test_changed_definition_makes_stale_what_reaches_it_and_nothing_else(
    stale, file, old, new, expected
):
    assert stale(file, old, new) == expected


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (recipe.LAB, "max_distance = 0.02", "max_distance = 0.03"),
        (
            "benchmarks/quality.py",
            '("ours", "Lab07"),',
            '("ours", "Lab07"), "another": ("a", "B"),',
        ),
        ("benchmarks/search.py", '"momentum 0.5"', '"momentum of 0.5"'),
    ],
    ids=["a threshold of the lab", "a new contestant", "a title"],
)
def test_what_a_run_does_not_reach_leaves_it_fresh(stale, file, old, new):
    assert stale(file, old, new) == set()


# --- the recipe ----------------------------------------------------------------------------------


def test_recipe_is_what_the_lab_says():
    notebook = json.loads((keys.ROOT / recipe.LAB).read_text(encoding="utf-8"))
    text = next(
        "".join(c["source"])
        for c in notebook["cells"]
        if "parameters" in c["metadata"].get("tags", [])
    )
    found = recipe.parameters()
    assert all(f"{name} = " in text for name in found)
    gan = recipe.lab(batch_size=8)["new_gan"]()
    assert gan.options.batch_size == 8
    assert gan.latent_dim == found["latent_dim"]
    with pytest.raises(recipe.RecipeError, match="no parameter"):
        recipe.lab(colour="red")


# --- the peers' networks -------------------------------------------------------------------------


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (300, 28, 28, 1)).astype(np.uint8)


def keras_peer(name, images):
    from benchmarks import peers_keras

    before = tf.config.optimizer.get_experimental_options()
    try:
        return getattr(peers_keras, name)(images)
    finally:
        tf.config.optimizer.set_experimental_options(before)


# Numbers of weights from the published layers, counted by hand: kernels, biases, γ and β.
def test_tensorflow_tutorial_has_the_published_sizes(images):
    peer = keras_peer("TensorFlowTutorial", images)
    generator = 100 * 12544 + 2 * 12544 + 25 * (256 * 128 + 128 * 64 + 64) + 2 * (128 + 64)
    discriminator = 25 * 64 + 64 + 25 * 64 * 128 + 128 + 7 * 7 * 128 + 1
    assert sizes(peer) == (generator, discriminator)


def test_keras_example_has_the_published_sizes_without_its_labels(images):
    peer = keras_peer("KerasConditional", images)
    generator = 129 * 6272 + 2 * (16 * 128 * 128 + 128) + 49 * 128 + 1
    discriminator = 9 * 64 + 64 + 9 * 64 * 128 + 128 + 129
    assert sizes(peer) == (generator, discriminator)


def test_gan_flavours_has_the_published_sizes_at_32_pixels(images):
    peer = keras_peer("GanFlavours", images)
    generator = 16 * (64 * 128 + 2 * 128 * 128 + 128) + 1 + 3 * 128
    discriminator = 16 * (128 + 2 * 128 * 128 + 128) + 1 + 3 * 128
    assert sizes(peer) == (generator, discriminator)
    assert peer.images.shape == (300, 32, 32, 1)
    assert peer.sample(3).shape == (3, 28, 28, 1)


def sizes(peer):
    models = (peer.generator, peer.discriminator)
    return tuple(sum(math.prod(w.shape) for w in m.trainable_weights) for m in models)


@NEEDS_TORCH
def test_pytorch_gan_has_the_published_sizes_but_for_the_first_layer(images):
    from benchmarks import peers_torch

    peer = peers_torch.PyTorchGAN(images)
    generator = 101 * 128 * 49 + 9 * (128 * 128 + 128 * 64 + 64) + 128 + 64 + 1
    generator += 2 * (128 + 128 + 64)
    channels = (1, 16, 32, 64, 128)
    discriminator = sum(9 * a * b + b for a, b in itertools.pairwise(channels))
    discriminator += 2 * (32 + 64 + 128) + 513
    found = [sum(p.numel() for p in n.parameters()) for n in peer.networks]
    assert found == [generator, discriminator]


def peer_to_try(name, images):
    if name == "PyTorchGAN":
        from benchmarks import peers_torch

        return peers_torch.PyTorchGAN(images)
    return keras_peer(name, images)


@pytest.mark.parametrize(
    "name", ["KerasConditional", "GanFlavours", pytest.param("PyTorchGAN", marks=NEEDS_TORCH)]
)
def test_peer_trains_and_goes_on_from_its_saved_state(name, images, tmp_path):
    peer = peer_to_try(name, images)
    start = peer.sample(4, seed=1)
    peer.train(lambda steps: steps == 2)
    peer.save(tmp_path)
    trained = peer.sample(4, seed=1)
    assert trained.dtype == np.uint8
    assert (trained != start).any()
    other = peer_to_try(name, images)
    other.warm_up()
    other.restore(tmp_path)
    assert other.steps == 2
    np.testing.assert_array_equal(other.sample(4, seed=1), trained)


# --- the count -----------------------------------------------------------------------------------


def test_count_of_products_equals_that_of_tensorflows_profiler():
    # A side that every stride divides: there the profiler counts gradients as it should.
    from ganlib import training

    gan = training.GAN(
        dcgan.generator(32, 1, latent_dim=5, width=4, num_residuals=2),
        dcgan.discriminator(32, 1, width=4),
        options=training.Options(batch_size=3),
    )
    found = arithmetic.step_passes(gan.generator, gan.discriminator, 3)
    assert sum(p.flops for p in found) == sum(limit.tensorflow_count(gan.training_step).values())


def test_count_of_a_small_network_by_hand():
    chain = [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 2, strides=2), keras.layers.ReLU()]
    model = keras.Sequential([*chain, keras.layers.Flatten(), keras.layers.Dense(3)])
    found = arithmetic.passes(model, "small", 10, ("forward", "weights", "inputs"))
    flops = {(p.layer.split()[0], p.what): p.flops for p in found}
    convolution, dense = 2 * 10 * (4 * 4 * 2), 2 * 10 * (8 * 3)
    assert flops == {
        ("Conv2D", "forward"): convolution,
        ("Conv2D", "weights"): convolution,  # nobody needs the images' gradients
        ("ReLU", "forward"): 0,
        ("ReLU", "inputs"): 0,
        **{("Dense", what): dense for what in ("forward", "weights", "inputs")},
    }
    traffic = {(p.layer.split()[0], p.what): p.num_bytes for p in found}
    assert traffic["Dense", "forward"] == 4 * (10 * (8 + 3) + 8 * 3 + 3)
    assert traffic["ReLU", "inputs"] == 4 * 3 * 10 * 8


def test_penalty_adds_its_share_of_passes_and_the_average_its_traffic():
    models = dcgan.generator(32, 1, latent_dim=5, width=4), dcgan.discriminator(32, 1, width=4)
    plain = sum(p.flops for p in arithmetic.step_passes(*models, 3))
    forward = sum(p.flops for p in arithmetic.passes(models[1], "d", 3, ("forward",)))
    with_penalty = sum(p.flops for p in arithmetic.step_passes(*models, 3, interval=4))
    # Forward, images' gradient, and twice the derivative of the latter, but for the first layer's.
    assert plain + 3 * forward / 4 < with_penalty < plain + 4 * forward / 4
    with_average = arithmetic.step_passes(*models, 3, average=True)
    more = sum(p.num_bytes for p in with_average)
    more -= sum(p.num_bytes for p in arithmetic.step_passes(*models, 3))
    assert more == 3 * 4 * sum(math.prod(w.shape) for w in models[0].trainable_weights)


def test_bound_takes_the_longer_of_arithmetic_and_traffic_for_each_pass():
    found = [
        arithmetic.Pass("g", "a", "forward", 100, 1),
        arithmetic.Pass("g", "b", "forward", 1, 60),
    ]
    assert arithmetic.bound(found, rate=10, bandwidth=20) == 10 + 3


# --- the step in three libraries -----------------------------------------------------------------


@NEEDS_TORCH
@pytest.mark.parametrize("side", [28, 32])  # 7 to 4 pixels needs unequal borders, 8 to 4 does not
def test_translated_networks_are_the_same_functions(side):
    import torch

    from benchmarks import loops_torch

    for model, shape in (
        (dcgan.generator(side, 1, latent_dim=5, width=4), (3, 5)),
        (dcgan.generator(side, 1, latent_dim=5, width=4, num_residuals=2), (3, 5)),
        (dcgan.discriminator(side, 1, width=4), (3, side, side, 1)),
    ):
        inputs = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        theirs = torch.from_numpy(inputs if len(shape) == 2 else np.moveaxis(inputs, 3, 1))
        for training in (True, False):
            network = loops_torch.translate(model).train(training)
            outputs = network(theirs).detach().numpy()
            outputs = outputs if outputs.ndim == 2 else np.moveaxis(outputs, 1, 3)
            expected = model(inputs, training=training)
            np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


@NEEDS_TORCH
def test_translation_refuses_a_layer_that_it_does_not_know():
    from benchmarks import loops_torch

    model = keras.Sequential([keras.Input((4,)), keras.layers.Softmax()])
    with pytest.raises(ValueError, match="Softmax has no translation"):
        loops_torch.translate(model)


def test_summary_takes_ratios_block_by_block():
    def block(ours, theirs):
        times = {"step": ours, "backward": ours / 2, "forward": ours / 4}
        peers = {name: value / ours * theirs for name, value in times.items()}
        seconds = {"ganlib": times, "tensorflow": peers}
        return {"mode": "full", "batch_size": 64, "seconds": seconds}

    runs = {str(i): block(*pair) for i, pair in enumerate([(1.0, 2.0), (6.0, 4.0), (3.0, 3.0)])}
    found = throughput.summary(runs, "full")
    theirs = found["contestants"]["tensorflow"]
    assert theirs["ratios"] == [0.5, 1.5, 1.0]
    assert theirs["ratio"] == 1.0
    assert theirs["milliseconds"] == 3000
    assert (theirs["forward"], theirs["backward"], theirs["rest"]) == (750, 750, 1500)
    assert found["fastest_peer"] == "tensorflow"


# --- metrics -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "tolerance"),
    [
        ("frechet_scipy", 1e-5),
        pytest.param("frechet_torch", 1e-5, marks=NEEDS_TORCH),
        pytest.param("frechet_torch_eigh", 1e-3, marks=NEEDS_TORCH),
    ],
)
def test_ways_to_take_the_frechet_distance_agree(way, tolerance):
    real, fake = features(500, 6)
    expected = ganlib_metrics.frechet_distance(real, fake)
    assert getattr(metrics, way)(real, fake) == pytest.approx(expected, rel=tolerance)


def test_ways_to_take_the_kernel_distance_agree_on_all_rows():
    real, fake = (x[:200] for x in features(500, 6))
    expected = ganlib_metrics.kernel_distance(real, fake)
    assert metrics.kernel_numpy(real, fake, 200, 1) == pytest.approx(expected, rel=1e-3)


# --- quality -------------------------------------------------------------------------------------


def test_slices_end_at_each_measurement():
    assert list(quality._slices([10, 20, 70], 70)) == [(0, 10), (10, 20), (20, 50), (50, 70)]
    assert list(quality._slices([10, 20, 70], 20))[-1] == (10, 20)


def test_best_factor_is_chosen_on_validation_images(tmp_path):
    runs = {
        1.0: {"validation": 0.5, "test": 0.1},
        0.5: {"validation": 0.6, "test": 0.05},
        2.0: {"validation": 0.3, "test": 0.4},
        4.0: {"validation": float("inf"), "test": 0.2},
    }
    plan = quality.Plan(None, None, quality.GREY, {"search_seconds": 120})
    plan._found = lambda name, factor: {"points": [{"due": 120} | runs[factor]]}
    assert plan.best_factor("any") == 2.0


class FakeWorker:
    """Answers as a worker of quality does; its clock runs one second over."""

    made, dies_at = [], math.inf

    def __init__(self, part, arguments):
        self.arguments = arguments
        FakeWorker.made.append(arguments)

    def ask(self, until, measure, picture):
        if until >= FakeWorker.dies_at:
            raise worker.WorkerError("killed")
        seconds = max(until, self.arguments["seconds"]) + 1
        answer = {"title": "T", "source": "S", "seconds": seconds, "ended": False}
        if measure:
            point = {"seconds": seconds, "test": 0.5, "validation": 1 / self.arguments["factor"]}
            if picture:
                point["picture"] = quality.encode(np.full((10, 28, 28, 1), until % 256, np.uint8))
            answer["point"] = point
            (Path(self.arguments["folder"]) / str(until)).mkdir(parents=True)
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def test_interrupted_quality_goes_on_from_its_last_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "dies_at", 240)
    monkeypatch.setattr(FakeWorker, "made", [])
    one = bench.Bench(output=tmp_path, only=["gan_flavours"])
    one.scratch = tmp_path
    with pytest.raises(worker.WorkerError):
        quality.run(one)
    assert (FakeWorker.made[0]["restore"], FakeWorker.made[0]["seconds"]) == (None, 0)
    FakeWorker.dies_at, FakeWorker.made = math.inf, []
    quality.run(one)
    first, *search, best = FakeWorker.made
    assert (first["restore"].rsplit("/")[-1], first["seconds"]) == ("120", 121)
    assert {(m["factor"], m["restore"]) for m in search} == {(2.0, None), (4.0, None)}
    assert (best["factor"], best["seconds"]) == (4.0, 121)  # the nearest to validation images
    contents = results.load("quality", tmp_path)
    assert contents["best"] == {"gan_flavours": 4.0}
    drawn = {p["due"]: p["picture"] for p in contents["runs"]["gan_flavours ×4"]["points"][-2:]}
    for due in (240, 480):
        assert plt.imread(tmp_path / drawn[due]).max() == pytest.approx(due % 256 / 255)
    dues = {key: [p["due"] for p in run["points"]] for key, run in contents["runs"].items()}
    assert dues["gan_flavours ×1"] == dues["gan_flavours ×4"] == list(quality.GREY.times)
    assert dues["gan_flavours ×2"] == [
        due for due in quality.GREY.times if due <= quality.GREY.search
    ]
    FakeWorker.made = []
    quality.run(one)
    assert FakeWorker.made == []


def test_run_whose_state_was_deleted_begins_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "dies_at", 240)
    monkeypatch.setattr(FakeWorker, "made", [])
    one = bench.Bench(output=tmp_path, only=["ganlib"])
    one.scratch = tmp_path / "scratch"
    with pytest.raises(worker.WorkerError):
        quality.run(one)
    shutil.rmtree(one.scratch)
    FakeWorker.dies_at = math.inf
    quality.run(one)
    assert FakeWorker.made[-1]["restore"] is None
    points = results.load("quality", tmp_path)["runs"]["ganlib ×1"]["points"]
    assert [p["due"] for p in points] == list(quality.GREY.times)


@pytest.mark.slow
def test_quality_runs_small_and_what_is_done_is_not_done_again(tmp_path):
    words = [
        "quality",
        "--quick",
        "--only",
        "ganlib",
        "keras_conditional",
        "--output",
        str(tmp_path),
    ]
    assert bench.main(words) == 0
    contents = results.load("quality", tmp_path)
    assert set(contents["runs"]) == {
        "ganlib ×1",
        *(f"keras_conditional ×{f}" for f in ("1", "0.5", "2", "4")),
    }
    points = contents["runs"]["ganlib ×1"]["points"]
    assert [p["due"] for p in points] == [1, 2]
    assert points[0]["seconds"] < points[1]["seconds"]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert bench.main(words) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before


def test_worker_that_fails_says_why():
    with (
        worker.Worker("metrics", {"name": "no such way"}) as process,
        pytest.raises(worker.WorkerError, match="subsets"),
    ):
        process.ask()


def test_without_torch_its_rows_are_left_out_with_a_word(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not bench.Bench(output=tmp_path).torch()
    assert "pip install torch" in capsys.readouterr().out


# --- what was tried -------------------------------------------------------------------------------


def test_variant_without_options_is_the_labs_network():
    for make, theirs, shape, options in (
        (variants.generator, dcgan.generator, (28, 1, 8), {}),
        (variants.generator, dcgan.generator, (28, 1, 8), {"num_residuals": 2}),
        (variants.discriminator, dcgan.discriminator, (28, 1), {}),
    ):
        mine, plain = (build(*shape, width=4, **options) for build in (make, theirs))
        plain.set_weights(mine.get_weights())
        inputs = np.random.default_rng(0).normal(size=(3, *mine.input_shape[1:]))
        np.testing.assert_allclose(mine(inputs), plain(inputs), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("title", search.CHANGES)
def test_every_change_makes_another_gan(title):
    def about(gan):
        sizes = [gan.generator.count_params(), gan.discriminator.count_params()]
        rates = [
            float(o.learning_rate) for o in (gan.generator_optimizer, gan.discriminator_optimizer)
        ]
        averages = [gan.generator_optimizer.beta_1, gan.generator_optimizer.beta_2]
        start = [float(np.std(w)) for w in gan.generator.get_weights()]
        first = float(gan.discriminator(np.ones((1, 28, 28, 1), np.float32))[0, 0])
        penalties = [(p.function, p.weight) for p in gan.penalties]
        types = [type(gan), gan.generator.layers[1].compute_dtype]
        types += [type(layer).__name__ for layer in gan.generator.layers]
        return [sizes, rates, averages, start, first, penalties, types, gan.loss, gan.options]

    plain = about(search.variant_gan({}, num_steps=100))
    assert plain == about(search.variant_gan({"seed": 0}, num_steps=100))
    assert plain != about(search.variant_gan(search.CHANGES[title], num_steps=100))


def test_one_backward_pass_gives_both_gradients():
    """Against the ordinary step with a discriminator that does not move before the generator."""
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1)).astype(np.uint8)
    moved = []
    for change in ({}, {"simultaneous": True}):
        gan = search.variant_gan(change | {"batch_size": 64}, num_steps=100)
        gan = recipe.rebuilt(
            gan,
            generator_optimizer=keras.optimizers.SGD(0.1),
            discriminator_optimizer=keras.optimizers.SGD(0.0),
        )
        before = gan.generator.get_weights()
        gan.train(images, 1, progress=False)
        moved.append([b - a for a, b in zip(before, gan.generator.get_weights(), strict=True)])
    for plain, simultaneous in zip(*moved, strict=True):
        np.testing.assert_allclose(simultaneous, plain, rtol=1e-3, atol=1e-7)


def test_search_leaves_out_what_only_other_parts_know(tmp_path):
    assert bench.main(["search", "--only", "pytorch_gan", "--output", str(tmp_path)]) == 0
    assert results.load("search", tmp_path)["summary"] == []


def test_summary_of_the_search_compares_with_the_median_of_the_seeds():
    values = {"num_steps": 10, "milliseconds": 2.0, "precision": 0.7, "recall": 0.6}
    runs = {
        f"{search.AS_IT_IS}, seed {seed}": {"test": test} | values
        for seed, test in enumerate((0.2, 0.1, 0.4))
    }
    runs["other"] = {"test": 0.05} | values
    other, own = search.summary(runs)
    assert (other["title"], other["ratio"]) == ("other", 0.25)
    assert (own["title"], own["test"], own["range"]) == (search.AS_IT_IS, 0.2, [0.1, 0.4])


def test_finals_run_every_change_with_every_seed():
    planned = finals.changes([0, 1])
    assert len(planned) == 2 * (1 + len(finals.AHEAD)) + 1
    assert planned["bfloat16, seed 1"] == {"policy": "mixed_bfloat16", "seed": 1}
    assert planned[f"{search.AS_IT_IS}, seed 0"] == {"seed": 0}
    hidden = planned[f"{finals.HIDDEN}, seed 0"]
    assert hidden["policy"] == "mixed_bfloat16"
    assert hidden["environment"] == finals.ENVIRONMENT
    assert set(finals.changes([0], finals.QUICK)) == {f"{title}, seed 0" for title in finals.QUICK}
    assert "seed" not in search.CHANGES["bfloat16"]  # the search's own is left as it was


def test_variables_of_a_change_reach_the_process(tmp_path, monkeypatch):
    given = {}

    class Fake(contextlib.nullcontext):
        def __init__(self, part, about, environment):
            super().__init__(self)
            given[about["name"]] = environment

        def ask(self, **protocol):
            return dict.fromkeys(("num_steps", "milliseconds", "test", "precision", "recall"), 1.0)

    monkeypatch.setattr(search.worker, "Worker", Fake)
    assert bench.main(["finals", "--output", str(tmp_path)]) == 0
    hidden = given.pop(f"{finals.HIDDEN}, seed 0")
    assert hidden == kept.ONE_THREAD | finals.ENVIRONMENT
    assert all(environment == kept.ONE_THREAD for environment in given.values())
    assert len(results.load("finals", tmp_path)["runs"]) == 1 + len(given) == 13


def test_summary_of_the_finals_takes_medians_over_seeds():
    values = {"num_steps": 10, "milliseconds": 2.0, "precision": 0.7, "recall": 0.6}
    runs = {
        f"{title}, seed {seed}": {"test": test} | values
        for title, tests in ((search.AS_IT_IS, (0.2, 0.1, 0.4)), ("half", (0.1, 0.09, 0.3)))
        for seed, test in enumerate(tests)
    }
    half, own = finals.summary(runs)
    assert (half["title"], half["test"], half["range"]) == ("half", 0.1, [0.09, 0.3])
    assert (own["title"], own["test"], own["num_runs"]) == (search.AS_IT_IS, 0.2, 3)
    assert (half["ratio"], own["ratio"]) == (0.5, 1.0)


# --- figures -------------------------------------------------------------------------------------


def quality_contents():
    picture = "quality/ganlib_1_240.png"
    runs = {}
    for k, name in enumerate(quality.GREY.contestants):
        for factor in (1.0, 4.0):
            values = (0.5**k / due**0.7 * (1 + factor / 20) for due in quality.GREY.times)
            runs[f"{name} ×{factor:g}"] = {
                "factor": factor,
                "points": [
                    {
                        "due": due,
                        "seconds": due + 0.4,
                        "steps": 50 * due,
                        "test": value,
                        "picture": picture,
                    }
                    for due, value in zip(quality.GREY.times, values, strict=True)
                ],
            }
    best = {name: 4.0 for name in quality.GREY.contestants if name != "ganlib"}
    return {"runs": runs, "best": best, "protocol": {"times": list(quality.GREY.times)}}


def throughput_contents():
    seconds = {
        name: {"step": 0.03 * (k + 1), "backward": 0.02 * (k + 1), "forward": 0.01 * (k + 1)}
        for k, name in enumerate(throughput.TITLES)
    }
    runs = {
        f"{mode} {i}": {"mode": mode, "batch_size": 64, "seconds": seconds}
        for mode in throughput.MODES
        for i in range(3)
    }
    return {"runs": runs, "summary": {m: throughput.summary(runs, m) for m in throughput.MODES}}


def limit_contents():
    models = dcgan.generator(32, 1, latent_dim=5, width=4), dcgan.discriminator(32, 1, width=4)
    found = arithmetic.step_passes(*models, 3)
    flops, num_bytes = (sum(getattr(p, k) for p in found) for k in ("flops", "num_bytes"))
    step = {"flops": flops, "bytes": num_bytes, "seconds": flops / 2e10, "fraction_of_bound": 0.2}
    counts = {"passes": {"full": found}}
    measured = {"rate": 1.5e11, "bandwidth": 2e10, "modes": {"full": step}, "counts": counts}
    return {"runs": {"step": measured}}


def metrics_contents():
    runs = {
        f"{way} {n}": {
            "name": way,
            "num_rows": n,
            "num_features": d,
            "seconds": 0.1 * (k + 1) * d,
            "megabytes": 10.0 * (k + 1),
            "value": 1.0,
        }
        for n, d in metrics.SIZES
        for k, way in enumerate(metrics.WAYS)
    }
    return {"summary": metrics.summary(runs)}


def growth_contents():
    return {
        "runs": {
            f"{name} {value}": {
                "name": name,
                "value": value,
                "seconds": 0.001 * value**0.5,
                "megabytes": 500.0 + value / 100,
            }
            for name, values in growth.GRID.items()
            for value in values
        }
    }


def search_contents():
    values = {"num_steps": 1234, "milliseconds": 2.0, "precision": 0.7, "recall": 0.6}
    runs = {
        title: {"test": test} | values
        for title, test in ((f"{search.AS_IT_IS}, seed 0", 0.1), ("half of it", 0.25))
    }
    return {"summary": search.summary(runs)}


def finals_contents():
    values = {"num_steps": 1234, "milliseconds": 2.0, "precision": 0.7, "recall": 0.6}
    runs = {
        f"{search.AS_IT_IS}, seed {seed}": {"test": test} | values
        for seed, test in enumerate((0.2, 0.1, 0.4))
    }
    return {"summary": finals.summary(runs)}


def test_headline_is_the_comparison_with_the_best_peers_better_run():
    found = tables.headline(quality_contents())
    # by construction ours is 1.05 / t^0.7, the first peer's is half of that, the last is 1/16
    own, best = 1.05 / 240**0.7, 0.5**4 * 1.05 / 240**0.7
    assert found["best_peer"] == "pytorch_gan ×1"
    assert found["ours"] == pytest.approx(own)
    assert found["ratio"] == pytest.approx(best / own)
    assert found["seconds_to_reach"] is None
    contents = quality_contents()
    for point in contents["runs"]["ganlib ×1"]["points"]:
        point["test"] /= 100
    found = tables.headline(contents)
    assert found["ratio"] == pytest.approx(100 * best / own)
    # 0.0105 / t^0.7 falls below the peer's 0.00142 at 17.6 s: measured first at 20.4
    assert found["seconds_to_reach"] == pytest.approx(20.4)
    assert found["share_of_time"] == pytest.approx(20.4 / 240)


@pytest.mark.parametrize(
    ("table", "contents", "cells"),
    [
        (tables.quality, quality_contents, {"ganlib", "the book's", "× 4", "12,000"}),
        (tables.finals, finals_contents, {"0.2000", "0.1000 to 0.4000", 3, "1,234", "0.60"}),
        (tables.tried, search_contents, {"0.250", "2.50", "0.100 (0.100 to 0.100)", "1,234"}),
        (tables.metric_costs, metrics_contents, {"50,000 × 2,048", "kernel distance"}),
        (tables.throughput, throughput_contents, {"30.0", "10.0", "0.50"}),
    ],
)
def test_table_is_a_rectangle_that_holds_what_was_measured(table, contents, cells):
    rows = table(contents())
    assert len({len(row) for row in rows}) == 1
    assert cells <= {cell for row in rows for cell in row}


def test_every_table_and_figure_is_written_for_what_there_is(tmp_path):
    results.Part("search", tmp_path).write({}, **search_contents())
    tables.main(tmp_path, tmp_path)
    assert {path.name for path in tmp_path.glob("*.csv")} == {"bench_tried.csv"}
    text = (tmp_path / "bench_tried.csv").read_text(encoding="utf-8").splitlines()
    assert text[0].startswith("change,")
    assert len(text) == 3


@pytest.mark.parametrize(
    ("draw", "contents"),
    [
        (figures.time_to_quality, quality_contents),
        (lambda contents: figures.samples_at(contents, 20), quality_contents),
        (figures_speed.throughput, throughput_contents),
        (figures_speed.step_parts, throughput_contents),
        (figures_speed.roofline, limit_contents),
        (figures_speed.metric_costs, metrics_contents),
        (figures_speed.growth, growth_contents),
    ],
)
def test_figure_shows_all_its_text_and_no_two_labels_overlap(draw, contents):
    figure = draw(contents())
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    renderer = canvas.get_renderer()
    texts = [t for axes in figure.axes for t in axes.texts if t.get_text()]
    # An annotation's own extent would include the line that joins it to a curve.
    boxes = [Text.get_window_extent(t, renderer) for t in texts]
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y0 >= 0
        assert box.y1 <= height
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
    assert not plt.get_fignums()
