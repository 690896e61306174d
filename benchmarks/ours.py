"""The contestants of this repository: lab 07's recipe, run as its readers run it, and others."""

from benchmarks import recipe
from ganlib import data, recipes


class Ours:
    """The common part. A schedule ends after some number of steps, and so does its run.

    A contestant sets ``title`` and ``source``, and makes its pair in ``__init__``.

    Args:
        gan: a `training.GAN`.
        images: what it learns from: uint8 array (n, side, side, channels), or `data.Images`.
        num_steps: steps of the whole run.
        factor: must be 1, as our own learning rates are not searched here.
    """

    def __init__(self, gan, images, num_steps, factor):
        if factor != 1:
            raise ValueError(f"the book's own learning rates are measured, factor 1, not {factor}.")
        self.gan, self._images, self._num_steps = gan, images, num_steps
        self.batch_size = gan.options.batch_size

    @property
    def steps(self):
        """Number of completed steps."""
        return self.gan.step

    def synchronise(self):
        """Does nothing: a compiled call ends with numbers on the host."""

    def train(self, pause):
        """Trains until ``pause(steps)``, called after each compiled call, returns True, or ends."""
        self.gan.train(
            self._images,
            self._num_steps,
            callbacks=[lambda gan, step: pause(step)],
            progress=False,
        )

    def sample(self, num_images, seed=0, labels=None):
        """Returns uint8 images (num_images, side, side, channels) of the moving average."""
        return data.to_uint8(self.gan.sample(num_images, labels=labels, seed=seed))

    def warm_up(self):
        """Traces the step, so that a run that goes on is not charged for it twice."""
        self.gan.train(self._images, 1, progress=False)

    def save(self, folder):
        """Writes the state of the run."""
        self.gan.save(folder)

    def restore(self, folder):
        """Takes a written state over."""
        self.gan.restore(folder)


class Lab07(Ours):
    """The default recipe, with the lab's seed and number of steps."""

    title, source = "ganlib, lab 07", recipe.LAB

    def __init__(self, images, factor=1.0, seed=0):
        lab = recipe.lab(seed=seed)
        super().__init__(lab["new_gan"](), images, lab["num_steps"], factor)


class SmallColour(Ours):
    """The recipe for small colour images, with a schedule for four minutes on two cores."""

    title, source, schedule = "ganlib, small_colour", "ganlib/recipes.py", 15_000

    def __init__(self, images, factor=1.0, seed=0):
        gan = recipes.small_colour.gan(32, 3, self.schedule, seed=seed)
        super().__init__(gan, images, self.schedule, factor)


class SmallColourLong(SmallColour):
    """The same with a schedule for a quarter of an hour."""

    title, schedule = "ganlib, small_colour, long", 55_000


class SmallColourByClass(Ours):
    """The recipe with classes, for as long."""

    title, source, by_class = "ganlib, small_colour_by_class", "ganlib/recipes.py", True

    def __init__(self, images, factor=1.0, seed=0, labels=None):
        num_steps = SmallColourLong.schedule
        gan = recipes.small_colour_by_class.gan(32, 3, num_steps, num_classes=10, seed=seed)
        super().__init__(gan, data.Images(images, labels), num_steps, factor)
