"""What was tried to make lab 07's recipe faster: one change at a time, each for the same seconds.

The time of a variant's step is measured first, so that its learning rates can fall as the lab's do:
by shares of the number of steps that fit into the seconds. The lab's recipe is run with several
seeds; what differs from it by less than they differ from each other is no difference.

Two variants run at a time, with one thread each: together they make more steps than one after the
other with two threads.
"""

import concurrent.futures
import dataclasses
import statistics
import time
import types

from benchmarks import recipe, results, variants, worker
from ganbook import kept

SECONDS = 40
NUM_AT_ONCE = 2
SEEDS = (0, 1, 2)  # of the recipe itself; every change has the first of them
NUM_IMAGES = 10_000
NUM_TIMED = 100  # steps by which a variant's speed is measured, after as many to warm up
AS_IT_IS = "the lab's recipe"
RATES = ("generator_rate", "discriminator_rate")
FACTORS = (*RATES, "discriminator_width")  # numbers in CHANGES that multiply the lab's
QUICK = (f"{AS_IT_IS}, seed 0", "both updates from one pass", "bfloat16")

# title -> parameters of the lab, and under other names what `variant_gan` makes of them
CHANGES = {
    "batches of 32": {"batch_size": 32},
    "batches of 128": {"batch_size": 128},
    "rates times 2.5": {"rate_factor": 2.5},
    "rates divided by 2.5": {"rate_factor": 0.4},
    "generator's rate is the discriminator's": {"generator_rate": 0.6},
    "generator's rate times 2": {"generator_rate": 2.0},
    "momentum 0.5": {"beta_1": 0.5},
    "second average 0.999": {"beta_2": 0.999},
    "R1 with four times γ": {"gamma_factor": 4.0},
    "no R1": {"gamma_factor": 0.0},
    "no moving average": {"ema_decay": 0.0},
    "hinge loss": {"loss": "hinge"},
    "relativistic loss, R1 and R2": {"loss": "relativistic"},
    "both updates from one pass": {"simultaneous": True},
    "two discriminator updates a step": {"num_discriminator_steps": 2},
    "latents of 128": {"latent_dim": 128},
    "half the width": {"width_factor": 0.5},
    "twice the width": {"width_factor": 2},
    "He's initial weights": {"initializer": "he"},
    "generator: no convolution on the first grid": {"num_residuals": 0},
    "generator: one convolution": {"num_residuals": 1},
    "generator: three convolutions": {"num_residuals": 3},
    "generator: no way past the convolutions": {"generator": {"chain": True}},
    "generator: one convolution, one on the second grid": {
        "num_residuals": 1,
        "generator": {"num_later": 1},
    },
    "generator: kernels of 2": {"generator": {"kernel": 2}},
    "generator: last layer is transposed": {"generator": {"direct": True}},
    "generator: every grid draws": {"generator": {"skips": True}},
    "generator: a hidden layer of 128": {"generator": {"hidden": [128]}},
    "discriminator: two thirds of the width": {"discriminator_width": 2 / 3},
    "discriminator: kernels of 3": {"discriminator": {"kernel": 3}},
    "discriminator: kernels of 6": {"discriminator": {"kernel": 6}},
    "discriminator: two layers": {"discriminator": {"widths": [1, 2]}},
    "discriminator: a fourth layer": {"discriminator": {"widths": [1, 2, 4, 4]}},
    "discriminator: first layer of twice the width": {"discriminator": {"widths": [2, 2, 4]}},
    "discriminator: minibatch deviation": {"discriminator": {"stddev_group": 4}},
    "discriminator: black is 0": {"discriminator": {"offset": 1.0}},
    "bfloat16": {"policy": "mixed_bfloat16"},
}


def run(bench):
    """Makes the runs that are missing.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    seeds = [0] if bench.quick else SEEDS
    changes = {f"{AS_IT_IS}, seed {seed}": {"seed": seed} for seed in seeds} | CHANGES
    chosen = QUICK if bench.quick and not bench.only else changes
    race(bench, "search", {title: changes[title] for title in chosen}, SECONDS, seeds, summary)


def race(bench, name, changes, seconds, seeds, summary_of):
    """Makes the runs of a part that are missing, two at a time.

    Args:
        bench: a ``tools.bench.Bench``.
        name: of the part.
        changes: dict, title of a run -> its change. ``"environment"`` in a change is a dict of
            variables for the process.
        seconds: how long each trains.
        seeds: those of the recipe itself, for the protocol.
        summary_of: function: dict of runs -> what is said of the part.
    """
    protocol = {
        "seconds": 1 if bench.quick else seconds,
        "num_timed": 50 if bench.quick else NUM_TIMED,
        "num_at_once": NUM_AT_ONCE,
        "num_images": 200 if bench.quick else NUM_IMAGES,
        "num_training": 2_000 if bench.quick else 60_000,
        "seeds": list(seeds),
        "lab": recipe.parameters(),
    }
    part = results.Part(name, bench.output)
    runs = plan(protocol, changes)
    missing = part.missing([run for run in runs if run.name in (bench.only or changes)])
    with (
        bench.bar(name, len(missing), "run") as bar,
        concurrent.futures.ThreadPoolExecutor(NUM_AT_ONCE) as pool,
    ):
        going = {pool.submit(kept.timed, _trained, run): run for run in missing}
        try:
            for ended in concurrent.futures.as_completed(going):
                found, took = ended.result()
                bar.set_postfix_str(going[ended].name)
                part.store.put(going[ended], found, seconds=took, threads=1)
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what has begun ends; nothing else begins
            raise
    if not bench.only:
        part.store.only(changes)
    part.write(protocol, summary=summary_of(part.found(runs)))


def plan(protocol, changes):
    """Returns a `kept.Run` for each change.

    Args:
        protocol: dict, how each is trained and measured.
        changes: dict, title -> change.
    """
    about = {name: value for name, value in protocol.items() if name not in ("seeds", "lab")}
    key = recipe.key(("benchmarks.search", "serve"))
    return [kept.Run(title, key, {"change": change} | about) for title, change in changes.items()]


def _trained(run):
    """What a process of its own finds, with one thread."""
    environment = kept.ONE_THREAD | run.parameters["change"].get("environment", {})
    with worker.Worker("search", {"name": run.name}, environment) as process:
        return process.ask(**run.parameters)


def summary(runs):
    """Returns the rows of a table, the best first.

    Args:
        runs: dict of kept runs.

    Returns:
        A list of dicts: title, steps, milliseconds of a step, distance, its ratio to the median of
        the recipe's own, precision, recall. The recipe is one row, with its range.
    """
    own = [run for title, run in runs.items() if title.startswith(AS_IT_IS)]
    others = {title: run for title, run in runs.items() if not title.startswith(AS_IT_IS)}
    if not own:
        return []
    keys = ("num_steps", "milliseconds", "test", "precision", "recall")
    median = {key: statistics.median(run[key] for run in own) for key in keys}
    spread = [min(run["test"] for run in own), max(run["test"] for run in own)]
    rows = [{"title": AS_IT_IS, "ratio": 1.0, "range": spread} | median]
    for title, run in others.items():
        ratio = run["test"] / median["test"]
        rows.append({"title": title, "ratio": ratio} | {key: run[key] for key in keys})
    return sorted(rows, key=lambda row: row["ratio"])


# ---- the process that trains -------------------------------------------------------------------


def serve(arguments, channel):
    """Trains one variant."""
    from ganlib import data, features, metrics

    del arguments
    protocol = channel.receive()
    dataset = data.load_fashion_mnist().images[: protocol["num_training"]]
    number = protocol["num_timed"]
    timed = variant_gan(protocol["change"], num_steps=2 * number)
    timed.train(dataset, number, progress=False)
    start = time.perf_counter()
    timed.train(dataset, 2 * number, progress=False)
    seconds = (time.perf_counter() - start) / number
    num_steps = max(50, round(protocol["seconds"] / seconds / 50) * 50)
    gan = variant_gan(protocol["change"], num_steps=num_steps)
    gan.train(dataset, 1, progress=False)  # compiles
    start = time.perf_counter()
    gan.train(dataset, num_steps, progress=False)
    seconds = time.perf_counter() - start
    images = data.to_uint8(gan.sample(protocol["num_images"]))
    extractor = features.fashion_classifier()
    generated = extractor(images)
    found = {"num_steps": num_steps, "seconds": seconds, "milliseconds": 1e3 * seconds / num_steps}
    real = {
        "test": data.load_fashion_mnist("test").images[: protocol["num_images"]],
        "validation": data.load_fashion_mnist().images[-protocol["num_images"] :],
    }
    for name, some in real.items():
        found[name] = float(metrics.relative_frechet_distance(extractor(some), generated))
    shares = metrics.precision_recall(extractor(real["test"]), generated)
    found |= {"precision": float(shares.precision), "recall": float(shares.recall)}
    channel.send(**found)


def variant_gan(change, num_steps):  # noqa: C901, one branch a change that is tried
    """Returns lab 07's GAN with a change.

    Args:
        change: one of ``CHANGES``' values.
        num_steps: number of steps over which the learning rates fall.
    """
    from ganlib import losses, penalties, training
    from ganlib._tensorflow import keras

    change = {"num_steps": num_steps} | change
    parameters = recipe.parameters()
    own = {name: change[name] for name in change if name in parameters and name not in FACTORS}
    for name in RATES:
        own[name] = parameters[name] * change.get("rate_factor", 1) * change.get(name, 1)
    own["gamma"] = parameters["gamma"] * change.get("gamma_factor", 1)
    for name in ("width", "discriminator_width"):
        own[name] = int(parameters[name] * change.get("width_factor", 1) * change.get(name, 1))
    lab = recipe.lab(**own)
    settings = {name: change.get(name, {}) for name in ("generator", "discriminator")}
    if "initializer" in change:
        for one in settings.values():
            one["initializer"] = keras.initializers.HeNormal
    if any(settings.values()):
        lab["dcgan"] = types.SimpleNamespace(
            generator=lambda *args, **named: variants.generator(
                *args, **named, **settings["generator"]
            ),
            discriminator=lambda *args, **named: variants.discriminator(
                *args, **named, **settings["discriminator"]
            ),
        )
    if "policy" in change:
        keras.mixed_precision.set_dtype_policy(change["policy"])
    if change.get("simultaneous"):
        lab["training"] = types.SimpleNamespace(**vars(lab["training"]))
        lab["training"].GAN = variants.Simultaneous
    try:
        gan = lab["new_gan"]()
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    given = {}
    if not own["gamma"]:
        given["penalties"] = ()
    if "loss" in change:
        chosen = {"hinge": losses.hinge, "relativistic": losses.relativistic}
        given["loss"] = chosen[change["loss"]]
    if change.get("loss") == "relativistic":
        r2 = training.Penalty(penalties.r2, own["gamma"], gan.penalties[0].interval)
        given["penalties"] = (*gan.penalties, r2)
    if "num_discriminator_steps" in change:
        number = change["num_discriminator_steps"]
        given["options"] = dataclasses.replace(gan.options, num_discriminator_steps=number)
    gan = recipe.rebuilt(gan, **given)
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        optimizer.beta_2 = change.get("beta_2", optimizer.beta_2)
    return gan
