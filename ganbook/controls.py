"""Controls of a feature extractor: what must look bad to it, and what must look worse and worse.

An extractor is a ruler, and a ruler is tried on what is known before it measures what is not.
Nothing here comes from a generator, so an extractor that is chosen by these controls is not chosen
in favour of one. Chapter 06_measuring tells why they are needed.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image
from scipy import ndimage

from ganlib import data, metrics

_MAX_PRECISION = 0.02  # of what is no image of the kind
_MIN_PRECISION = 0.85  # of real images
_LEAST_SPREAD = 1e-6  # standard deviation below which a feature says nothing
_BLURS = 0.5, 1.0, 2.0  # standard deviations of the filter, in pixels
_GRAINS = 8, 16, 32, 64  # standard deviations of added noise, of 255 levels
_DROPPED = 1, 2, 4, 8  # classes left out
_MIXED = 0.25, 0.5, 1.0  # shares of images whose lower half is another image's


@dataclasses.dataclass(frozen=True)
class Controls:
    """What the controls of one extractor found.

    Attributes:
        extractor: its name.
        num_images: images in the reference, and in the real images.
        num_features: length of a feature vector.
        num_dead: features that are the same for all real images.
        real: dict, distance, precision and recall of real images against other real ones.
        precision: dict, a set that is no image of the kind -> its precision.
        distance: dict, a fault -> dict, its strength -> relative Fréchet distance.
    """

    extractor: str
    num_images: int
    num_features: int
    num_dead: int
    real: dict
    precision: dict
    distance: dict

    def failures(self) -> list[str]:
        """Says which controls are not met.

        Returns:
            One sentence for each, none if the extractor may be used.
        """
        found = []
        if self.num_dead:
            found.append(f"{self.num_dead} of {self.num_features} features are dead")
        if self.real["precision"] < _MIN_PRECISION:
            found.append(f"real images have precision {self.real['precision']:.3f}")
        for name, value in self.precision.items():
            if value > _MAX_PRECISION:
                found.append(f"{name} has precision {value:.3f}")
        for name, values in self.distance.items():
            steps = [self.real["distance"], *values.values()]
            if np.min(np.diff(steps)) <= 0:
                found.append(f"the distance does not grow with {name}: {np.round(steps, 4)}")
        return found


def strangers(images: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Makes sets of pixels that nobody takes for images of the kind.

    Args:
        images: uint8 (n, height, width, channels), of which one set is made.
        seed: decides the noise and the order of the pixels.

    Returns:
        dict, a name -> uint8 array of the same shape: noise, one colour each, and the images with
        the pixels of each in an order of its own.
    """
    rng = np.random.default_rng(seed)
    n, height, width, channels = images.shape
    pixels = images.reshape(n, -1, channels)
    orders = rng.permuted(np.tile(np.arange(height * width), (n, 1)), axis=1)
    colours = rng.integers(0, 256, (n, 1, 1, channels), np.uint8)
    return {
        "uniform noise": rng.integers(0, 256, images.shape, np.uint8),
        "constant images": np.broadcast_to(colours, images.shape).copy(),
        "shuffled pixels": np.take_along_axis(pixels, orders[..., None], 1).reshape(images.shape),
    }


def resized(images: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Gives the images of another data set this one's size and number of channels.

    Args:
        images: uint8 (n, height, width, channels).
        image_shape: (height, width, channels) of the result.

    Returns:
        uint8 array (n, height, width, channels), by Pillow's bicubic filter.
    """
    height, width, channels = image_shape
    mode = "L" if channels == 1 else "RGB"
    pictures = (Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x) for x in images)
    rows = [
        np.asarray(x.convert(mode).resize((width, height), Image.Resampling.BICUBIC))
        for x in pictures
    ]
    return np.stack(rows).reshape(len(images), *image_shape)


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Blurs images by a Gaussian filter.

    Args:
        images: uint8 (n, height, width, channels).
        sigma: its standard deviation, in pixels.

    Returns:
        uint8 array of the same shape.
    """
    return _pixels(ndimage.gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0)))


def faults(images: data.Images, seed: int = 0) -> dict[str, dict]:
    """Spoils real images in four ways, more and more.

    Args:
        images: labelled; the classes that are left out are the first ones.
        seed: decides the noise.

    Returns:
        dict, a fault -> dict, its strength -> a function without arguments that returns uint8
        images, as many as there were.
    """
    rng = np.random.default_rng(seed)
    pixels, n = images.images, len(images)
    noise = rng.standard_normal(pixels.shape).astype(np.float32)
    half = pixels.shape[1] // 2
    mixed = np.concatenate([pixels[:, :half], np.roll(pixels, 1, axis=0)[:, half:]], axis=1)
    # Of more images that are mixed, those of the smaller share are a part.
    order = rng.permutation(n)

    def without(number):
        return pixels[np.resize(np.flatnonzero(images.labels >= number), n)]

    def partly_mixed(share):
        chosen, found = order[: round(share * n)], pixels.copy()
        found[chosen] = mixed[chosen]
        return found

    return {
        "blur": {s: (lambda s=s: blurred(pixels, s)) for s in _BLURS},
        "noise": {s: (lambda s=s: _pixels(pixels + s * noise)) for s in _GRAINS},
        "classes left out": {s: (lambda s=s: without(s)) for s in _DROPPED},
        "mixed halves": {s: (lambda s=s: partly_mixed(s)) for s in _MIXED},
    }


def measure(
    extractor: Callable[[np.ndarray], np.ndarray],
    reference: np.ndarray,
    images: data.Images,
    others: Mapping[str, np.ndarray],
    seed: int = 0,
) -> Controls:
    """Takes the controls of an extractor.

    Args:
        extractor: one of `ganlib.features`, or a function with a ``name`` from uint8 images to
            (n, d) features.
        reference: uint8 (n, height, width, channels), real images to compare with.
        images: `data.Images`, labelled, as many other real images.
        others: dict, the name of another data set -> its uint8 images, of any size.
        seed: decides what is random in the spoilt images.

    Returns:
        `Controls`.
    """
    real, found = extractor(reference), extractor(images.images)
    foreign = strangers(images.images, seed)
    foreign |= {name: resized(x, images.images.shape[1:]) for name, x in others.items()}
    spoilt = faults(images, seed)
    precision, recall = metrics.precision_recall(real, found)
    distance = metrics.relative_frechet_distance
    return Controls(
        extractor=getattr(extractor, "name", "extractor"),
        num_images=len(reference),
        num_features=real.shape[1],
        num_dead=int(np.sum(np.concatenate([real, found]).std(axis=0) < _LEAST_SPREAD)),
        real={"distance": distance(real, found), "precision": precision, "recall": recall},
        precision={
            name: metrics.precision_recall(real, extractor(x)).precision
            for name, x in foreign.items()
        },
        distance={
            name: {f"{s:g}": distance(real, extractor(make())) for s, make in strengths.items()}
            for name, strengths in spoilt.items()
        },
    )


def _pixels(values):
    return np.rint(values).clip(0, 255).astype(np.uint8)
