"""Quality against seconds of training on photographs: CIFAR-10, 32 × 32 pixels in colour.

As `benchmarks.quality`, with the recipe for small colour images beside the networks of three
tutorials. These draw 64 × 64 or 28 × 28 pixels; here they have one doubling fewer, or begin with a
larger grid, and all else as published. Distances are by the extractor that `make extractors
SETS=cifar10` trains, and the unit is the distance of real images that are blurred.
"""

from benchmarks import quality

RACE = quality.Race(
    "colour",
    "cifar10",
    {
        "ganlib": ("ours", "SmallColour"),
        "ganlib_long": ("ours", "SmallColourLong"),
        "ganlib_by_class": ("ours", "SmallColourByClass"),
        "tensorflow_tutorial": ("peers_colour", "TensorFlowTutorial"),
        "keras_dcgan": ("peers_colour", "KerasDCGAN"),
        "pytorch_tutorial": ("peers_torch", "PyTorchTutorial"),
    },
    times=(30, 60, 120, 240, 480, 900),
    pictured=(60, 240, 900),
)


def run(bench):
    """Races on photographs.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    quality.run_race(bench, RACE)
