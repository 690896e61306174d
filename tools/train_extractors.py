"""Train the extractors, and measure what they see: ``make extractors``.

    python tools/train_extractors.py                     garments and digits, a quarter of an hour
    python tools/train_extractors.py cifar10             photographs, for this machine alone
    python tools/train_extractors.py --controls          measures those that are there

The weights for garments and digits go into the package, those for CIFAR-10 into the cache of this
machine: the photographs have no licence, so nothing that was trained on them is passed on. What
was measured goes to ``book/data/extractors.json`` and ``book/data/06_measuring_controls.csv``. The
epochs and rates were chosen on images that are kept from training, the layers by the controls.
"""

import argparse
import csv
import dataclasses
import io
import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ganbook import controls, measured  # noqa: E402, after the line that makes it importable
from ganbook.study import judges  # noqa: E402
from ganlib import _files, data, features  # noqa: E402
from ganlib._tensorflow import keras, tf  # noqa: E402

BATCH_SIZE = 128
PEAK_RATE = 2e-3
NUM_MEASURED = 10_000  # images of each set of the controls
DATA = ROOT / "book" / "data"
REPORT, TABLE = DATA / "extractors.json", DATA / "06_measuring_controls.csv"


@dataclasses.dataclass(frozen=True)
class Plan:
    """How one extractor is trained and tried.

    Attributes:
        load: returns (images to train on, images that score its accuracy), `data.Images`.
        trained_on: what the first of them are, in words.
        real: returns (reference, other real images) of the controls.
        others: data sets that are foreign to it.
        model: arguments of `features.classifier_model`.
        num_epochs: passes through the images.
        shift: how many pixels a batch is moved by, at most.
        is_mirrored: whether half of the batches are mirrored.
        padding: what moves in at the edges, a mode of `numpy.pad`.
        warm_up: share of the steps in which the rate rises to its peak.
    """

    load: object
    trained_on: str
    real: object
    others: tuple
    model: dict
    num_epochs: int
    shift: int = 0
    is_mirrored: bool = False
    padding: str = "constant"
    warm_up: float = 0.0


def fashion_parts():
    """Returns Fashion-MNIST's first 50,000 training images and its test images."""
    return data.load_fashion_mnist("train")[:50_000], data.load_fashion_mnist("test")


def fashion_real():
    """Returns test images, and training images that no extractor was trained on."""
    test, unseen = data.load_fashion_mnist("test"), data.load_fashion_mnist("train")[50_000:]
    return test[:NUM_MEASURED], unseen[:NUM_MEASURED]


def digits_parts():
    """Returns scikit-learn's first 1,437 digits and the others."""
    digits = data.load_digits()
    return digits[:1437], digits[1437:]


def digits_real():
    """Returns two halves, mixed: the last digits are by other hands than the first."""
    digits = data.load_digits()
    order = np.random.default_rng(0).permutation(len(digits))
    half = len(digits) // 2
    return digits[order[:half]], digits[order[half : 2 * half]]


def cifar10_parts():
    """Returns CIFAR-10's first 40,000 training images and its test images."""
    return data.load_cifar10("train")[:40_000], data.load_cifar10("test")


def cifar10_real():
    """Returns test images, and training images that the extractor was not trained on."""
    test, unseen = data.load_cifar10("test"), data.load_cifar10("train")[40_000:]
    return test[:NUM_MEASURED], unseen[:NUM_MEASURED]


FOREIGN = {
    "garments": lambda: data.load_fashion_mnist("test"),
    "digits": data.load_digits,
    "emoji": data.load_emoji,
}
PLANS = {
    "fashion_classifier": Plan(
        fashion_parts,
        "first 50,000 training images of Fashion-MNIST",
        fashion_real,
        ("digits", "emoji"),
        {"image_shape": (28, 28, 1)},
        num_epochs=9,
    ),
    "digits_classifier": Plan(
        digits_parts,
        "first 1,437 of scikit-learn's 1,797 digits",
        digits_real,
        ("garments", "emoji"),
        {"image_shape": (8, 8, 1), "num_bands": 1},
        num_epochs=120,
        shift=1,
    ),
    "cifar10_classifier": Plan(
        cifar10_parts,
        "first 40,000 training images of CIFAR-10",
        cifar10_real,
        ("garments", "digits", "emoji"),
        {"image_shape": (32, 32, 3), "widths": (32, 64, 128)},
        num_epochs=10,
        shift=4,
        is_mirrored=True,
        padding="reflect",
        warm_up=0.1,
    ),
}
COLUMNS = {  # of the table in chapter 06
    "fashion_penultimate": "garments, hidden layer",
    "fashion_classifier": "garments, convolutions",
    "digits_penultimate": "digits, hidden layer",
    "digits_classifier": "digits, convolutions",
}
SETS = {"fashion_mnist": "fashion_classifier", "digits": "digits_classifier"}
SETS |= {"cifar10": "cifar10_classifier"}


def train(name, plan):
    """Trains one extractor and writes its weights, in float16."""
    keras.utils.set_random_seed(0)
    images, _ = plan.load()
    model = features.classifier_model(num_classes=10, **plan.model)
    num_steps = plan.num_epochs * len(images) // BATCH_SIZE
    num_rising = round(plan.warm_up * num_steps)
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.0 if num_rising else PEAK_RATE,
            num_steps - num_rising,
            warmup_target=PEAK_RATE if num_rising else None,
            warmup_steps=num_rising,
        )
    )
    # the features' scale is not learned but measured, at the end
    variables = model.trainable_variables
    optimizer.build(variables)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(autograph=False)
    def step(batch, labels):
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels, model(data.to_model_range(batch), training=True)[1])
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    generator = np.random.default_rng(0)
    for epoch in range(plan.num_epochs):
        for batch, labels in batches(images, plan, generator):
            loss = step(tf.constant(batch), tf.constant(labels))
        print(f"{name}: epoch {epoch + 1} of {plan.num_epochs}, loss {float(loss):.3f}", flush=True)
    set_scale(model, images.images)
    write_weights(model, features.weights_file(name))


def batches(images, plan, generator):
    """Yields the batches of one epoch, moved and mirrored as the plan says."""
    shift = plan.shift
    height, width = images.images.shape[1:3]
    edges = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    padded = np.pad(images.images, edges, mode=plan.padding)
    order = generator.permutation(len(images))
    for start in range(0, len(images) - BATCH_SIZE + 1, BATCH_SIZE):
        chosen = order[start : start + BATCH_SIZE]
        top, left = generator.integers(0, 2 * shift + 1, 2)
        batch = padded[chosen, top : top + height, left : left + width]
        if plan.is_mirrored and generator.integers(2):
            batch = batch[:, :, ::-1]
        yield batch, images.labels[chosen]


def set_scale(model, images):
    """Gives each feature standard deviation 1 over some images."""
    scale = model.get_layer("features")
    mean, _ = scale.get_weights()
    scale.set_weights([0 * mean, 1 + 0 * mean])  # undone, in case it had been set before
    pooled = features.Classifier("scale", model)(images[:10_000])
    scale.set_weights([0 * mean, pooled.var(axis=0)])


def write_weights(model, path):
    """Writes a model's weights, in float16."""
    arrays = {f"{i:03d}": w.astype(np.float16) for i, w in enumerate(model.get_weights())}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    _files.write(path, buffer.getvalue())


def accuracy(classifier, images):
    """Returns the share of images whose class is recognised."""
    return float(np.mean(classifier.probabilities(images).argmax(1) == images.labels))


def control(extractor, plan):
    """Returns the `controls.Controls` of an extractor, or of another for the same images."""
    reference, images = plan.real()
    others = {f"images of {name}": FOREIGN[name]().images[:NUM_MEASURED] for name in plan.others}
    return controls.measure(extractor, reference.images, images, others)


def report(names):
    """Measures extractors, and the old one beside that for garments; keeps what others had."""
    found = json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
    for name in names:
        plan, classifier = PLANS[name], getattr(features, name)()
        taken = control(classifier, plan)
        print(f"{name}:", *(taken.failures() or ["all controls are met"]), sep="\n  ")
        found[name] = {
            "trained_on": plan.trained_on,
            "test_accuracy": accuracy(classifier, plan.load()[1]),
            "controls": dataclasses.asdict(taken),
        }
        if name in judges.NAMES:
            old = getattr(judges, name)()
            found[old.name] = {"controls": dataclasses.asdict(control(old, plan))}
    REPORT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write_table(found)
    for section, values in measured_sections():
        measured.put(section, values)


def measured_sections():
    """Yields the section of the numbers file, if the extractors have been measured."""
    if REPORT.exists():
        found = json.loads(REPORT.read_text(encoding="utf-8"))
        yield "extractors", measured.named({name: numbers_of(one) for name, one in found.items()})


def numbers_of(one):
    """Returns what the prose may quote of one extractor."""
    own = one["controls"]
    values = {name: own[name] for name in ("num_images", "num_dead")}
    values |= {"real": own["real"], "precision": own["precision"]}
    for fault, strengths in own["distance"].items():
        # a dot would make a group
        values[fault] = {s.replace(".", "_"): value for s, value in strengths.items()}
    return values | {k: v for k, v in one.items() if k == "test_accuracy"}


def write_table(found):
    """Writes the table of chapter 06: a row for each control, a column for each extractor."""
    columns = [found[name]["controls"] for name in COLUMNS if name in found]
    rows = {}
    for k, column in enumerate(columns):
        values = {"features": column["num_features"], "of them dead": column["num_dead"]}
        values |= {f"{n} of real images": f"{v:.3f}" for n, v in column["real"].items()}
        values |= {f"precision of {n}": f"{v:.3f}" for n, v in column["precision"].items()}
        for fault, strengths in column["distance"].items():
            values |= {f"distance with {fault} ({s})": f"{v:.3f}" for s, v in strengths.items()}
        for label, value in values.items():
            rows.setdefault(label, [""] * len(columns))[k] = value
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["control", *(COLUMNS[name] for name in COLUMNS if name in found)])
        writer.writerows([label, *values] for label, values in rows.items())


def main(arguments=None):
    """Trains and measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--controls", action="store_true", help="measure only, train nothing")
    options = parser.parse_args(arguments)
    wanted = options.sets or ["fashion_mnist", "digits"]
    if unknown := [name for name in wanted if name not in SETS]:
        parser.error(f"received {', '.join(unknown)}; expected some of {', '.join(SETS)}")
    names = [SETS[name] for name in wanted]
    if not options.controls:
        for name in names:
            train(name, PLANS[name])
            getattr(features, name).cache_clear()
    report(names)


if __name__ == "__main__":
    main()
