"""Figures of what the bench measured. Each function takes what `results.load` has of a part.

python -m benchmarks.figures FOLDER [SOURCE]      draws all into a folder, to look at them
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import figures_speed, quality
from benchmarks.figures_speed import plain_numbers
from benchmarks.results import FOLDER, Part, load
from ganlib import viz

PEER_COLOURS = (viz.REAL, viz.FAKE, viz.DISCRIMINATOR, viz.REFERENCE)
SHORT = {  # what stands beside a line
    "ganlib": "ganlib",
    "ganlib_long": "ganlib, longer",
    "ganlib_by_class": "ganlib by class",
    "tensorflow_tutorial": "TensorFlow tutorial",
    "keras_conditional": "keras.io",
    "gan_flavours": "gan-flavours",
    "pytorch_gan": "PyTorch-GAN",
    "keras_dcgan": "keras.io DCGAN",
    "pytorch_tutorial": "PyTorch tutorial",
}


# ---- quality ----------------------------------------------------------------------------------


@viz.figure_function
def time_to_quality(contents):
    """Distance to the test images against seconds of training, both on logarithmic axes.

    Args:
        contents: of the part "quality" or "colour", as `results.load` has it.

    Returns:
        The figure: a line for each contestant, dashed where it is at the best learning rate found.
    """
    figure, axes = viz.figure(height=4.6)
    for name, colour in _colours(contents).items():
        factors = sorted({1.0, contents["best"].get(name, 1.0)}, key=lambda f: f != 1)
        for factor in factors:
            points = contents["runs"][f"{name} ×{factor:g}"]["points"]
            seconds, values = zip(*((p["seconds"], p["test"]) for p in points), strict=True)
            is_ours = quality.is_ours(name)
            axes.plot(
                seconds,
                values,
                label=SHORT[name] + ("" if factor == 1 else f", rate ×{factor:g}"),
                color=colour,
                ls="-" if factor == 1 else (0, (3, 2)),
                lw=2.6 if is_ours else 1.5,
                marker="o",
                ms=5 if is_ours else 3.5,
            )
    axes.set(xscale="log", yscale="log", xlabel="seconds of training")
    axes.set_title("relative Fréchet distance", pad=8)
    plain_numbers(axes.xaxis, [10, 20, 30, 60, 120, 240, 480, 900])
    plain_numbers(axes.yaxis, [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5])
    viz.label_ends(axes)
    return figure


@viz.figure_function
def samples_at(contents, due, folder=FOLDER):
    """The first images of each contestant after the same seconds of training.

    Args:
        contents: of the part "quality" or "colour", as `results.load` has it.
        due: seconds, one of those at which pictures were kept.
        folder: where the results are, and the pictures beside them.

    Returns:
        The figure: a row for each contestant, at its best learning rate.
    """
    rows = []
    for name in _colours(contents):
        factor = contents["best"].get(name, 1.0)
        points = contents["runs"][f"{name} ×{factor:g}"]["points"]
        pictured = [p for p in points if p["due"] <= due and "picture" in p]
        if pictured:
            rows.append((SHORT[name], pictured[-1]))
    figure, panels = viz.figure(len(rows), height=0.86 * len(rows), squeeze=False)
    for axes, (title, point) in zip(panels[:, 0], rows, strict=True):
        picture = Image.open(Path(folder) / point["picture"])
        axes.imshow(np.asarray(picture), cmap="gray", vmin=0, vmax=255, interpolation="none")
        axes.set_title(f"{title}: {point['test']:.2g} after {point['seconds']:.0f} s", pad=3)
        axes.set_axis_off()
    return figure


def _colours(contents):
    """Returns contestant -> colour, for those that have a run as published."""
    names = [name for name in SHORT if f"{name} ×1" in contents["runs"]]
    peers = iter(PEER_COLOURS)
    return {name: viz.GENERATOR if quality.is_ours(name) else next(peers) for name in names}


def main(folder, source=FOLDER, prefix=""):
    """Draws every figure for which there are results.

    Args:
        folder: where the pictures are written.
        source: where the results are.
        prefix: with which the pictures' names begin.
    """
    folder, source = Path(folder), Path(source)
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "quality": [("time_to_quality", time_to_quality)],
        "colour": [("colour", time_to_quality)],
        "throughput": [
            ("throughput", figures_speed.throughput),
            ("step_parts", figures_speed.step_parts),
        ],
        "limit": [("roofline", figures_speed.roofline)],
        "metrics": [("metric_costs", figures_speed.metric_costs)],
        "growth": [("growth", figures_speed.growth)],
    }
    for part, due, title in (
        ("quality", 20, "samples_20"),
        ("quality", 240, "samples_240"),
        ("colour", 240, "colour_samples_240"),
        ("colour", 900, "colour_samples_900"),
    ):
        drawings[part].append((title, lambda contents, due=due: samples_at(contents, due, source)))
    for part, functions in drawings.items():
        if Part(part, source).is_written():
            contents = load(part, source)
            for name, function in functions:
                function(contents).savefig(folder / f"{prefix}{name}.svg")
                print(folder / f"{prefix}{name}.svg")


if __name__ == "__main__":
    main(*sys.argv[1:])
