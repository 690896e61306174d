"""Generators that are trained already: what the chapters show, without training.

A function here rebuilds the network of a lab and gives it the weights of the lab's published run.
``make notebooks`` writes these weights anew together with the lab's outputs.

Kernels are stored as float16 and vectors as float32, which halves a file. It moves the relative
Fréchet distance of ``fashion_dcgan`` by 1e-5. Between two samples of 10,000 images that distance
varies a hundred times as much. In the pictures of chapters 07 and 08 it moves no pixel by more than
one of 255 steps.
"""

import pathlib

import numpy as np

from ganlib._tensorflow import float32, keras
from ganlib.models import dcgan, fast

__all__ = ["emoji_dcgan", "fashion_conditional", "fashion_dcgan"]

_FOLDER = pathlib.Path(__file__).parent / "pretrained_weights"


def fashion_dcgan() -> keras.Model:
    """The averaged generator of lab 07: Fashion-MNIST, 28×28 grey.

    Returns:
        A ``keras.Model`` of its own at each call: float32 latents (batch, 64), drawn from N(0, I)
        -> float32 images (batch, 28, 28, 1) in [-1, 1]. It holds plain Keras layers only.

    Raises:
        FileNotFoundError: if the file of weights is missing from the package.

    Example:
        >>> import numpy as np
        >>> from ganlib import pretrained
        >>> latents = np.random.default_rng(0).normal(size=(4, 64))
        >>> pretrained.fashion_dcgan().predict(latents, verbose=0).shape
        (4, 28, 28, 1)

    Reference:
        Radford, Metz and Chintala, ICLR 2016. Chapter 07, where its quality is measured.
    """
    with float32():
        generator = dcgan.generator(28, 1, latent_dim=64, width=16, num_residuals=2)
        return _with_weights(generator, "fashion_dcgan")


def fashion_conditional() -> keras.Model:
    """The averaged generator of lab 09: Fashion-MNIST, 28×28 grey, each kind of garment on demand.

    Returns:
        A ``keras.Model`` of its own at each call: a list of float32 latents (batch, 64), drawn from
        N(0, I), and int32 labels (batch,) in the data set's order -> float32 images
        (batch, 28, 28, 1) in [-1, 1]. It holds plain Keras layers only.

    Raises:
        FileNotFoundError: if the file of weights is missing from the package.

    Example:
        >>> import numpy as np
        >>> from ganlib import pretrained
        >>> latents = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
        >>> boots = np.full(4, 9, np.int32)
        >>> pretrained.fashion_conditional()([latents, boots]).shape.as_list()
        [4, 28, 28, 1]

    Reference:
        Mirza and Osindero, *Conditional Generative Adversarial Nets*, 2014. Chapter 09, where its
        quality is measured.
    """
    with float32():
        generator = dcgan.generator(28, 1, latent_dim=64, width=16, num_classes=10)
        return _with_weights(generator, "fashion_conditional")


def emoji_dcgan() -> keras.Model:
    """The averaged generator of lab 08: emoji faces, 64×64 colour, learnt from 89 pictures.

    Returns:
        A ``keras.Model`` of its own at each call: float32 latents (batch, 64), drawn from N(0, I)
        -> float32 images (batch, 64, 64, 3) in [-1, 1]. It holds plain Keras layers only.

    Raises:
        FileNotFoundError: if the file of weights is missing from the package.

    Example:
        >>> import numpy as np
        >>> from ganlib import pretrained
        >>> latents = np.random.default_rng(0).normal(size=(4, 64))
        >>> pretrained.emoji_dcgan().predict(latents, verbose=0).shape
        (4, 64, 64, 3)

    Reference:
        The faces are those of Google's font Noto Color Emoji. Chapter 08, where its quality is
        measured.
    """
    with float32():
        return _with_weights(dcgan.generator(64, 3, latent_dim=64, width=16), "emoji_dcgan")


def _with_weights(generator, name):
    """The generator with plain batch normalisation and the weights of a file."""
    path = _FOLDER / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(
            f"the weights of pretrained.{name} are missing: there is no file {path}. Install "
            f"ganlib again; in a copy of the repository, make notebooks writes the file."
        )
    with np.load(path, allow_pickle=False) as archive:
        weights = [archive[key].astype(np.float32) for key in sorted(archive.files)]
    generator = fast.with_plain_layers(generator)
    generator.set_weights(weights)
    return generator
