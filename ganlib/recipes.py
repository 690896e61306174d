"""The book's settings, ready to use: what is to be trained, and networks, rates and penalty for it.

A GAN has a dozen settings that have to fit each other, and to the images. A `Recipe` holds one set
that did; ``gan`` makes a pair from it that is ready to train. Change what you like with
``dataclasses.replace``.

For a folder of pictures `plan_for` looks at what is in it and chooses. The `Plan` is kept in the
folder of the run, so that the same run can be gone on with, drawn from and reported on later.

Reference:
    Each recipe names the lab that explains it, and measures what it reaches.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ganlib import _checks, _files, augment, data, penalties, training
from ganlib._tensorflow import keras
from ganlib.models import dcgan, heads

__all__ = [
    "PLAN_FILE",
    "Pictures",
    "Plan",
    "Recipe",
    "drawn_from",
    "few_images",
    "gan_for",
    "minutes_here",
    "pictures_for",
    "plan_for",
    "read_plan",
    "seconds_per_step",
    "small_colour",
    "small_colour_by_class",
    "small_grey",
    "small_grey_by_class",
    "write_plan",
]

PLAN_FILE = "run.json"
"""What a plan is called in the folder of its run."""

_FEWEST_PICTURES = 20  # of which two are held out, to compare with
_FEWEST_OF_A_CLASS = 5  # fewer are not worth a class of their own
_HOLD_OUT = 10  # one picture in so many is kept from training
_MANY = 5_000  # so many are not learned by heart in these steps
_COLOURLESS = 3.0  # of 255: how far the channels of a grey picture may differ, after JPEG
_SHIFT = 0.125  # as few_images has it
_NAMES = "few_images", "small_grey", "small_grey_by_class", "small_colour", "small_colour_by_class"
_TIMED_STEPS = 16  # one round of the penalty


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of a convolutional GAN that belong together.

    Attributes:
        width: channels of the generator's last hidden layer.
        discriminator_width: channels of the discriminator's first layer.
        latent_dim: length of a latent vector.
        num_residuals: convolutions on the generator's first grid.
        generator_rate: learning rate of the generator's Adam, at the beginning.
        discriminator_rate: the same of the discriminator's.
        milestones: pairs (share of all steps, factor): from there on both rates are multiplied by
            that factor.
        beta_1: momentum of both Adams.
        beta_2: decay of the mean of squared gradients, of both.
        gamma: weight γ of the gradient penalty R1; 0: none.
        penalty_interval: steps from one penalty to the next.
        batch_size: real images a step.
        ema_decay: decay of the generator's moving average.
        augment: what the discriminator's images go through, or None.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> import dataclasses
        >>> from ganlib import recipes
        >>> recipe = dataclasses.replace(recipes.small_grey, width=8, batch_size=32)
        >>> gan = recipe.gan(28, 1, num_steps=7_000)
        >>> gan.options.batch_size
        32
    """

    width: int = 16
    discriminator_width: int = 16
    latent_dim: int = 64
    num_residuals: int = 0
    generator_rate: float = 1.2e-3
    discriminator_rate: float = 1.2e-3
    milestones: tuple = ((0.6, 0.1**0.5), (0.85, 0.1))
    beta_1: float = 0.0
    beta_2: float = 0.99
    gamma: float = 4.0
    penalty_interval: int = 16
    batch_size: int = 64
    ema_decay: float = 0.998
    augment: Callable | None = None

    def __post_init__(self):
        """Check what neither the networks nor ``training`` check."""
        for name in ("generator_rate", "discriminator_rate"):
            _checks.number(name, getattr(self, name), above=0)
        _checks.number("gamma", self.gamma, at_least=0, fix="Pass 0 for no penalty")
        shares = [share for share, _ in self.milestones]
        if shares != sorted(set(shares)) or not all(0 < share < 1 for share in shares):
            raise ValueError(
                f"received milestones={self.milestones!r}; expected pairs (share of all steps, "
                "factor) whose shares rise between 0 and 1. Pass () for rates that stay."
            )

    def networks(
        self,
        image_size: int,
        channels: int,
        num_classes: int | None = None,
        *,
        head: Callable = heads.projection,
    ) -> tuple[keras.Model, keras.Model]:
        """The pair that the recipe was found with: DCGANs of its widths.

        Args:
            image_size: side of the images: 28, 32, 64 or 128.
            channels: 1 (grey) or 3 (colour).
            num_classes: number of classes for a conditional pair, or None.
            head: the discriminator's last part, one of ``models.heads``.

        Returns:
            ``(generator, discriminator)``; see ``models.dcgan``.

        Example:
            >>> from ganlib import recipes
            >>> generator, discriminator = recipes.few_images.networks(64, 3)
            >>> generator.output_shape
            (None, 64, 64, 3)
        """
        return (
            dcgan.generator(
                image_size,
                channels,
                self.latent_dim,
                self.width,
                num_classes,
                num_residuals=self.num_residuals,
            ),
            dcgan.discriminator(
                image_size, channels, self.discriminator_width, num_classes, head=head
            ),
        )

    def optimizer(self, rate: float, num_steps: int) -> keras.optimizers.Adam:
        """Adam whose rate falls near the end of a run.

        Args:
            rate: learning rate at the beginning.
            num_steps: steps of the whole run. Choose it before the first step: a run that goes on
                beyond it does so with the last rate.

        Returns:
            A ``keras.optimizers.Adam``.

        Example:
            >>> from ganlib import recipes
            >>> adam = recipes.small_grey.optimizer(1e-3, num_steps=1_000)
            >>> [round(float(adam._learning_rate(step)), 6) for step in (0, 700, 900)]
            [0.001, 0.000316, 0.0001]
        """
        _checks.positive_integers(num_steps=num_steps)
        if self.milestones:
            rate = keras.optimizers.schedules.PiecewiseConstantDecay(
                [int(share * num_steps) for share, _ in self.milestones],
                [rate, *(factor * rate for _, factor in self.milestones)],
            )
        return keras.optimizers.Adam(rate, beta_1=self.beta_1, beta_2=self.beta_2)

    def settings(self, num_steps: int, **options: Any) -> dict[str, Any]:
        """What ``training.GAN`` takes beside networks and loss; for networks of one's own.

        Args:
            num_steps: steps of the whole run.
            **options: fields of ``training.Options`` that the recipe does not set, such as
                ``seed``, or is to set otherwise.

        Returns:
            Dict with ``penalties``, both optimizers and ``options``.

        Example:
            >>> from ganlib import recipes, training
            >>> from ganlib.models import resnet
            >>> gan = training.GAN(
            ...     resnet.generator(32, 3, 64, width=8),
            ...     resnet.discriminator(32, 3, width=8),
            ...     **recipes.small_colour.settings(num_steps=20_000, seed=1),
            ... )
            >>> gan.penalties[0].interval
            16
        """
        kept = {name: getattr(self, name) for name in ("batch_size", "ema_decay", "augment")}
        penalty = training.Penalty(penalties.r1, self.gamma, self.penalty_interval)
        return {
            "penalties": [penalty] if self.gamma else [],
            "generator_optimizer": self.optimizer(self.generator_rate, num_steps),
            "discriminator_optimizer": self.optimizer(self.discriminator_rate, num_steps),
            "options": training.Options(**kept | options),
        }

    def gan(
        self,
        image_size: int,
        channels: int,
        num_steps: int,
        *,
        num_classes: int | None = None,
        seed: int = 0,
        **options: Any,
    ) -> training.GAN:
        """A pair with the recipe's networks and settings, not yet trained.

        Args:
            image_size: side of the images: 28, 32, 64 or 128.
            channels: 1 (grey) or 3 (colour).
            num_steps: steps of the whole run, after which the learning rates have fallen.
            num_classes: number of classes, for a GAN that is asked for one; or None.
            seed: of first weights, image order and latents. Keras's global seed is set to it.
            **options: further fields of ``training.Options``, such as ``strategy``.

        Returns:
            A ``training.GAN``.

        Raises:
            ValueError: if a size is not supported, or an option is out of range.

        Example:
            >>> from ganlib import recipes
            >>> gan = recipes.small_grey_by_class.gan(28, 1, num_steps=6_000, num_classes=10)
            >>> gan.sample(3, labels=[0, 0, 7]).shape
            (3, 28, 28, 1)
        """
        keras.utils.set_random_seed(seed)
        strategy = options.get("strategy")
        with strategy.scope() if strategy else contextlib.nullcontext():
            networks = self.networks(image_size, channels, num_classes)
            settings = self.settings(num_steps, seed=seed, **options)
        return training.GAN(*networks, **settings)


#: Grey images of 28 or 32 pixels, tens of thousands of them. Lab 7 explains it, and reaches its
#: published distance with it in 7,000 steps.
small_grey = Recipe(
    discriminator_width=24, num_residuals=2, generator_rate=2e-3, discriminator_rate=1.2e-3
)

#: The same with classes, for 6,000 steps, as in lab 9.
small_grey_by_class = Recipe()

#: Some hundred pictures or fewer, in colour, 64 pixels wide, shifted before the discriminator sees
#: them, and with a strong penalty. Lab 8, 3,500 steps.
few_images = Recipe(
    milestones=((0.7, 0.4), (0.88, 0.1)),
    gamma=10.0,
    batch_size=32,
    augment=augment.DiffAugment(
        brightness=0.0, saturation=0.0, contrast=0.0, translation=0.125, cutout=0.0
    ),
)

#: Tens of thousands of colour images of 32 pixels. The generator goes a third as fast as the
#: discriminator, both are narrow, and the penalty is light. With rates of 2e-3 and 1.2e-3, as grey
#: images have them, the discriminator learned nothing.
small_colour = Recipe(width=8, num_residuals=2, generator_rate=4e-4, gamma=0.1, batch_size=32)

#: The same with classes. With the light penalty each class of CIFAR-10 became a single picture.
small_colour_by_class = dataclasses.replace(small_colour, gamma=4.0)


# ---- a folder of one's own ---------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be trained on a folder of pictures; `plan_for` makes it.

    Attributes:
        folder: where the pictures are.
        image_size: side of the images that are drawn, in pixels.
        channels: 1 (grey) or 3 (colour).
        class_names: names of the sub-folders if the generator is to be asked for one; else ().
        num_images: different pictures that were read.
        digest: a hash of their pixels and classes, by which the folder is known again.
        recipe: name of the `Recipe` in this module.
        shift: whether the discriminator's images are shifted, as `few_images` has it.
        flip: whether they are mirrored too.
        num_steps: steps of the whole run.
        seed: of all that is random.
        reasons: sentences that say why it is so.
        gamma: weight of the penalty R1, or None for the recipe's.
    """

    folder: str
    image_size: int
    channels: int
    class_names: tuple
    num_images: int
    digest: str
    recipe: str
    shift: bool
    flip: bool
    num_steps: int
    seed: int
    reasons: tuple
    gamma: float | None = None


class Pictures(NamedTuple):
    """The pictures of a plan.

    Attributes:
        train: `data.Images` to train on.
        held_out: `data.Images` that are kept from training, to compare with: every tenth of each
            class.
        num_copies: pictures that were left out, as they equal others.
    """

    train: data.Images
    held_out: data.Images
    num_copies: int


def plan_for(  # noqa: PLR0913, each is a choice that the owner of a folder may want to make
    folder: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    channels: int | None = None,
    with_classes: bool | None = None,
    flip: bool = False,
    num_steps: int | None = None,
    seed: int = 0,
    gamma: float | None = None,
) -> Plan:
    """Look at a folder of pictures, and choose what is to be trained on it.

    Args:
        folder: the folder; ``data.load_folder`` says what counts as a picture.
        image_size: 28, 32, 64 or 128. None: as large as the pictures, at most 64.
        channels: 1 or 3. None: 1 if no picture has a colour.
        with_classes: whether the generator is to be asked for a class, one for each sub-folder.
            None: if each has at least five pictures.
        flip: whether pictures may be mirrored; only where left and right mean the same.
        num_steps: steps of the run. None: the recipe's own.
        seed: of all that is random.
        gamma: weight of the penalty R1. None: the recipe's own.

    Returns:
        A `Plan`.

    Raises:
        FileNotFoundError: there is no such folder.
        NotADirectoryError: it is a file.
        ValueError: if it holds too few pictures that differ, or an argument does not fit.

    Example:
        >>> import tempfile
        >>> from ganlib import data, recipes
        >>> folder = tempfile.mkdtemp()
        >>> data.save_folder(data.load_digits()[:100], folder)
        >>> plan = recipes.plan_for(folder)
        >>> plan.recipe, plan.image_size, plan.channels, len(plan.class_names)
        ('few_images', 28, 1, 10)
        >>> plan.reasons[0]
        'The pictures are 8 pixels wide or high in the median: drawn are images of 28 × 28.'

    Reference:
        Chapter 08_own_images.
    """
    _checks.flags(flip=flip)
    if num_steps is not None:
        _checks.positive_integers(num_steps=num_steps)
    if gamma is not None:
        _checks.number("gamma", gamma, at_least=0, fix="Pass 0 for no penalty")
    size, reasons = _size_for(folder, image_size)
    images = data.load_folder(folder, size, channels or 3)
    if channels is None:
        channels = 3 if _has_colour(images.images) else 1
        reasons.append("They have colours." if channels == 3 else "All of them are grey.")
        if channels == 1:
            images = data.load_folder(folder, size, 1)
    images, class_names, reason = _with_classes(data.distinct(images), with_classes, folder)
    _require_enough(images, folder)
    name, steps, shift, because = _recipe_for(images)
    return Plan(
        folder=str(_checks.path("folder", folder).resolve()),
        image_size=size,
        channels=channels,
        class_names=class_names,
        num_images=len(images),
        digest=_digest(images),
        recipe=name,
        shift=shift,
        flip=bool(flip),
        num_steps=int(num_steps or steps),
        seed=int(seed),
        reasons=(*reasons, reason, because),
        gamma=gamma,
    )


def pictures_for(plan: Plan) -> Pictures:
    """Load the pictures of a plan, and keep some from training.

    Args:
        plan: a `Plan`.

    Returns:
        `Pictures`.

    Raises:
        FileNotFoundError: the folder is gone.
        ValueError: it holds other pictures than when the plan was made.

    Example:
        >>> import tempfile
        >>> from ganlib import data, recipes
        >>> folder = tempfile.mkdtemp()
        >>> data.save_folder(data.load_digits()[:100], folder)
        >>> pictures = recipes.pictures_for(recipes.plan_for(folder))
        >>> len(pictures.train), len(pictures.held_out)
        (90, 10)
    """
    loaded = data.load_folder(plan.folder, plan.image_size, plan.channels)
    images = data.distinct(loaded)
    if not plan.class_names:
        images = data.Images(images.images)
    if _digest(images) != plan.digest:
        raise ValueError(
            f"received {len(images)} different pictures in {plan.folder}; expected the "
            f"{plan.num_images} with which the run began, and some of them changed. Put them back, "
            "or begin another run in another folder."
        )
    labels = np.zeros(len(images), int) if images.labels is None else images.labels
    # A class of one picture keeps it.
    held_out = (data.deal(labels, _HOLD_OUT, plan.seed) == 0) & (np.bincount(labels)[labels] > 1)
    return Pictures(images[~held_out], images[held_out], len(loaded) - len(images))


def gan_for(plan: Plan) -> training.GAN:
    """Build the GAN of a plan, not yet trained.

    Args:
        plan: a `Plan`.

    Returns:
        A ``training.GAN``; with ``restore`` it takes over what a run has reached.

    Example:
        >>> import tempfile
        >>> from ganlib import data, recipes
        >>> folder = tempfile.mkdtemp()
        >>> data.save_folder(data.load_digits()[:100], folder)
        >>> recipes.gan_for(recipes.plan_for(folder)).sample(2, labels=[0, 9]).shape
        (2, 28, 28, 1)
    """
    some = (few_images, small_grey, small_grey_by_class, small_colour, small_colour_by_class)
    recipe = dict(zip(_NAMES, some, strict=True))[plan.recipe]
    view = augment.DiffAugment(
        brightness=0.0,
        saturation=0.0,
        contrast=0.0,
        translation=_SHIFT if plan.shift else 0.0,
        cutout=0.0,
        flip=plan.flip,
    )
    gamma = recipe.gamma if plan.gamma is None else plan.gamma
    view = view if plan.shift or plan.flip else None
    return dataclasses.replace(recipe, augment=view, gamma=gamma).gan(
        plan.image_size,
        plan.channels,
        plan.num_steps,
        num_classes=len(plan.class_names) or None,
        seed=plan.seed,
    )


def seconds_per_step(plan: Plan, images: data.Images) -> float:
    """Time the first steps of a plan on this machine, by a pair that is thrown away.

    Args:
        plan: a `Plan`.
        images: `data.Images`, what it is to be trained on.

    Returns:
        Seconds of a step, without the compiling before the first one.

    Example:
        >>> import tempfile
        >>> from ganlib import data, recipes
        >>> folder = tempfile.mkdtemp()
        >>> data.save_folder(data.load_digits()[:100], folder)
        >>> plan = recipes.plan_for(folder)
        >>> recipes.seconds_per_step(plan, recipes.pictures_for(plan).train) > 0
        True
    """
    gan = gan_for(plan)
    fast = dataclasses.replace(gan.options, steps_per_call=_TIMED_STEPS)
    timed = training.GAN(gan.generator, gan.discriminator, penalties=gan.penalties, options=fast)
    history = timed.train(images, 3 * _TIMED_STEPS, progress=False)
    return float(np.median(np.diff(history.seconds))) / _TIMED_STEPS


def minutes_here() -> dict[str, float]:
    """Time a few steps of two recipes on this machine, on noise.

    Returns:
        dict: what is drawn -> minutes that the steps of its lab would take here.
    """
    found = {}
    for name, side, channels, steps in (("small_grey", 28, 1, 7_000), ("few_images", 64, 3, 3_500)):
        plan = Plan("", side, channels, (), 0, "", name, name == "few_images", False, steps, 0, ())
        noise = np.random.default_rng(0).integers(0, 256, (64, side, side, channels), np.uint8)
        seconds = seconds_per_step(plan, data.Images(noise))
        kind = "colour" if channels == 3 else "grey"
        found[f"{side} × {side} {kind}, {steps:,} steps"] = seconds * steps / 60
    return found


def drawn_from(
    path: str | os.PathLike[str], plan: Plan, num_images: int, seed: int = 0
) -> data.Images:
    """Draw from the saved generator of a plan.

    Args:
        path: the file, as ``GAN.save_generator`` wrote it.
        plan: its `Plan`.
        num_images: how many, of each class if the plan has any; all are held in memory.
        seed: which ones.

    Returns:
        `data.Images`, class by class; without labels where the plan has no classes.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if so many images take more than 4 GB.

    Example:
        >>> import pathlib, tempfile
        >>> from ganlib import data, recipes
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> data.save_folder(data.load_digits()[:100], folder / "digits")
        >>> plan = recipes.plan_for(folder / "digits")
        >>> recipes.gan_for(plan).save_generator(folder / "generator.keras")
        >>> len(recipes.drawn_from(folder / "generator.keras", plan, num_images=3))
        30
    """
    path = _checks.path("path", path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no generator {path} yet. Train longer: the run goes on")
    generator = training.load_generator(path)
    names, side = plan.class_names or ("all",), plan.image_size
    most = 2**32 // (len(names) * side**2 * plan.channels)  # 4 GB of pixels
    _checks.integer("num_images", num_images, at_most=most, fix="Draw often, with several seeds")
    none = data.Images(np.zeros((0, side, side, plan.channels), np.uint8), np.zeros(0, int), names)
    networks = generator if plan.class_names else {0: generator}
    images = augment.with_synthetic(none, networks, num_images, seed)
    return images if plan.class_names else data.Images(images.images)


def write_plan(plan: Plan, run: str | os.PathLike[str]) -> None:
    """Write a plan into the folder of its run.

    Args:
        plan: a `Plan`.
        run: the folder; made if missing.

    Raises:
        OSError: if nothing can be written there.
    """
    _files.require_writable(run)
    text = json.dumps(dataclasses.asdict(plan), indent=1)
    _files.write(_files.expanded(run) / PLAN_FILE, text + "\n")


def read_plan(run: str | os.PathLike[str]) -> Plan:
    """Read the plan of a run.

    Args:
        run: the folder of the run.

    Returns:
        A `Plan`.

    Raises:
        FileNotFoundError: if the folder holds none.
        ValueError: if the file is damaged, or of another ganlib.

    Example:
        >>> import tempfile
        >>> from ganlib import data, recipes
        >>> folder, run = tempfile.mkdtemp(), tempfile.mkdtemp()
        >>> data.save_folder(data.load_digits()[:100], folder)
        >>> plan = recipes.plan_for(folder, num_steps=500)
        >>> recipes.write_plan(plan, run)
        >>> recipes.read_plan(run) == plan
        True
    """
    path = _checks.path("run", run) / PLAN_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.parent} holds no run: there is no file {PLAN_FILE} in it. Give the folder into "
            "which a run was trained"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return Plan(**fields)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"received a damaged plan in {path} ({error}); expected the fields of recipes.Plan as "
            "JSON. Restore the file from a copy, or begin another run in another folder."
        ) from error


def _size_for(folder, image_size):
    """The side of the images, and why."""
    if image_size is not None:
        _checks.one_of("image_size", image_size, (28, 32, 64, 128))
    sides = [min(size) for size in data.picture_sizes(folder).values()] or [0]
    median = int(np.median(sides))
    size = image_size or next((side for side in (64, 32, 28) if side <= median), 28)
    drawn = f"drawn are images of {size} × {size}"
    reasons = [f"The pictures are {median} pixels wide or high in the median: {drawn}."]
    if image_size is None and median > 64:
        reasons.append("Larger ones take several times as long, and more pictures.")
    return size, reasons


def _has_colour(pixels):
    """Whether some picture has a colour."""
    differences = (np.ptp(image.astype(np.int16), axis=-1).mean() for image in pixels)
    return any(difference > _COLOURLESS for difference in differences)


def _with_classes(images, wanted, folder):
    """The images with labels or without, the names of the classes, and why."""
    if images.labels is None:
        if wanted:
            raise ValueError(
                "received a folder without classes; expected one sub-folder for each class, and no "
                "pictures beside them. Sort the pictures into sub-folders, or leave classes out."
            )
        return images, (), "There is no sub-folder for each class: it draws all kinds together."
    counts = np.bincount(images.labels, minlength=images.num_classes)
    least = images.class_names[int(counts.argmin())]
    number = f"{images.num_classes} sub-folders of {counts.min()} to {counts.max()} pictures"
    if (wanted is None and counts.min() < _FEWEST_OF_A_CLASS) or wanted is False:
        because = "as was asked" if wanted is False else f"{least!r} has too few that no other has"
        return data.Images(images.images), (), f"{number}: drawn together, {because}."
    with tempfile.TemporaryDirectory() as trial:  # or samples could not be saved, hours later
        data.save_folder(images[:0], trial)
    because = f"{number}: each is a class that it can be asked for."
    return images, images.class_names, because + _about_deeper(folder)


def _about_deeper(folder):
    """What to do if folders inside of the class folders were meant as the classes."""
    for path in data.list_folder(folder):
        if len(path.parts) > 2:
            inside, top = path.parent, path.parts[0]
            return f" {inside} counts as {top}: to make it a class, give {folder}/{inside.parent}."
    return ""


def _require_enough(images, folder):
    """Refuses a folder in which nothing could be held out to compare with."""
    if len(images) < _FEWEST_PICTURES:
        raise ValueError(
            f"received {len(images)} different pictures in {_files.readable(str(folder))}; "
            f"expected at least {_FEWEST_PICTURES}, better some hundreds. Add pictures, or look "
            "whether it is the folder that you meant."
        )


def _recipe_for(images):
    """Name of a recipe, its steps, whether to shift, and why."""
    count, side, channels = len(images), images.images.shape[2], images.images.shape[3]
    many = f"{count:,} pictures are many"
    if count < _MANY:
        steps = 3_500 if count <= 100 else 10_000
        because = (
            f"{count:,} pictures are few: the recipe few_images of chapter 8, whose discriminator "
            "sees shifted pictures, so that it takes longer to know them by heart."
        )
        return "few_images", steps, True, because
    if side > 32:
        because = f"{many}: the networks of chapter 8 without its shift, which no lab has measured."
        return "few_images", 20_000, False, because
    name = "small_colour" if channels == 3 else "small_grey"
    steps = 20_000 if channels == 3 else 7_000
    if images.labels is not None:
        name, steps = f"{name}_by_class", 40_000 if channels == 3 else 6_000
    return name, steps, False, f"{many}: the recipe {name}."


def _digest(images):
    """A hash of pixels and classes."""
    digest = hashlib.sha256(repr((images.images.shape, images.class_names)).encode())
    digest.update(np.ascontiguousarray(images.images))
    digest.update(b"" if images.labels is None else images.labels.tobytes())
    return digest.hexdigest()[:32]
