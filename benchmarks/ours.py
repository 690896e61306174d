"""The contestants of this repository: lab 07's recipe, run as its readers run it, and others."""

from benchmarks import recipe
from ganlib import data, recipes


class Lab07:
    """The default recipe. Its schedule ends after the lab's number of steps, and so does its run.

    Args:
        images: uint8 array (n, 28, 28, 1).
        factor: accepted for the peers' sake; must be 1, as the lab's rates are not searched here.
        seed: the lab's seed.
    """

    title = "ganlib, lab 07"
    source = recipe.LAB

    def __init__(self, images, factor=1.0, seed=0):
        if factor != 1:
            raise ValueError(f"the lab's own learning rates are measured, factor 1, not {factor}.")
        self._lab = recipe.lab(seed=seed)
        self._images, self.gan = images, self._lab["new_gan"]()
        self.batch_size = self._lab["batch_size"]

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
            self._lab["num_steps"],
            callbacks=[lambda gan, step: pause(step)],
            progress=False,
        )

    def sample(self, num_images, seed=0):
        """Returns uint8 images (num_images, 28, 28, 1) of the moving average."""
        return data.to_uint8(self.gan.sample(num_images, seed=seed))

    def warm_up(self):
        """Traces the step, so that a run that goes on is not charged for it twice."""
        self.gan.train(self._images, 1, progress=False)

    def save(self, folder):
        """Writes the state of the run."""
        self.gan.save(folder)

    def restore(self, folder):
        """Takes a written state over."""
        self.gan.restore(folder)


class SmallColour:
    """The recipe for small colour images. Its schedule ends after some steps, and so does its run.

    Args:
        images: uint8 array (n, 32, 32, 3).
        factor: must be 1, as the recipe's rates are not searched here.
        seed: of everything.
    """

    title, source, num_steps = "ganlib, small_colour", "ganlib/recipes.py", 15_000

    def __init__(self, images, factor=1.0, seed=0, labels=None):
        if factor != 1:
            raise ValueError(f"the recipe's own rates are measured, factor 1, not {factor}.")
        self._images = images if labels is None else data.Images(images, labels)
        num_classes = None if labels is None else 10
        self.gan = self.recipe().gan(32, 3, self.num_steps, num_classes=num_classes, seed=seed)

    def recipe(self):
        """Returns the `recipes.Recipe`."""
        return recipes.small_colour

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
            self.num_steps,
            callbacks=[lambda gan, step: pause(step)],
            progress=False,
        )

    def sample(self, num_images, seed=0, labels=None):
        """Returns uint8 images (num_images, 32, 32, 3) of the moving average."""
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


class SmallColourLong(SmallColour):
    """The same with a schedule for a quarter of an hour."""

    title, num_steps = "ganlib, small_colour, long", 55_000


class SmallColourByClass(SmallColour):
    """The same with classes, for as long."""

    title, num_steps, by_class = "ganlib, small_colour by class", 55_000, True
