"""Drawings of ideas, as SVG: `python tools/drawings.py` writes them into book/_static/drawings/.

They are drawings and no results: nothing in them was measured. `rows`, `rare` and `mirrored` set
images that somebody made or drew into a drawing of the same look.
"""

from collections.abc import Callable

from ganbook.drawings import _grids, _plans
from ganbook.drawings._samples import mirrored, rare, rows

__all__ = ["ALT", "DRAWINGS", "mirrored", "rare", "rows"]

#: The function that draws each of the drawings, by its name; it returns one SVG element.
DRAWINGS: dict[str, Callable[[], str]] = {
    draw.__name__: draw
    for draw in (
        _plans.two_networks,
        _plans.four_arrows,
        _grids.dcgan_grids,
        _grids.transposed_convolution,
        _plans.conditioning,
        _plans.augmented_discriminator,
        _grids.folds,
        _plans.vae_and_gan,
        _plans.cyclegan,
    )
}

#: What each drawing shows in words, by its name. Figures take it as their alternative text.
ALT: dict[str, str] = {
    "two_networks": (
        "Noise z goes into the generator, and a generated image comes out. A real image is taken "
        "from the collection. Both go into the discriminator, which returns a logit: above 0 for "
        "real, below 0 for generated."
    ),
    "four_arrows": (
        "One training step in two turns. In the first, generated and real images go into the "
        "discriminator; an arrow from its loss changes its weights, and the way back to the "
        "generator is cut. In the second, the arrow from the generator's loss passes through the "
        "discriminator, which stays as it is, and changes the generator's weights."
    ),
    "dcgan_grids": (
        "The generator: 64 latent numbers become a grid of 7 by 7 places with 64 channels, then "
        "14 by 14 with 32, 28 by 28 with 16, and an image of 28 by 28 with one. The "
        "discriminator: from the image to 14 by 14 with 24 channels, 7 by 7 with 48, 4 by 4 with "
        "96, and one logit."
    ),
    "transposed_convolution": (
        "Two neighbouring pixels of a grid each write a patch of 4 by 4 into a larger grid, two "
        "places apart, so that the patches overlap by half. Below, the copies of a kernel of 4 "
        "reach every place twice; those of a kernel of 5 reach the places three times and twice "
        "in turn."
    ),
    "conditioning": (
        "The class boot goes into both networks. In the generator it is a learned vector beside "
        "the noise. In the discriminator it is an inner product with features of the image. A "
        "generated and a real boot go into the discriminator, which answers whether they are real "
        "and what the class says."
    ),
    "augmented_discriminator": (
        "A generated shirt and a real boot are both changed by the same rule T, which blanks out "
        "a square of each, before the discriminator sees them. A dashed arrow leads the gradient "
        "from the discriminator back through T to the generator."
    ),
    "folds": (
        "Above, the parts of a study: labelled images to learn from and a fifth of them to stop "
        "by, 10,000 images to choose settings by, and 10,000 under a seal to test on once. Below, "
        "five turns over five folds: each fold is tested on in one turn, and of the other four "
        "most is learned from and a fifth is kept to stop by."
    ),
    "vae_and_gan": (
        "A VAE: a real image goes through the encoder to a code that looks like noise, and "
        "through the decoder to a copy, which is compared with the image pixel by pixel. A GAN: "
        "noise goes through the generator to an image, and a discriminator compares it with a "
        "real one."
    ),
    "cyclegan": (
        "G turns a shirt x into a pullover G(x), and F turns that into a shirt again; F turns a "
        "pullover y into a shirt F(y), and G turns that into a pullover again. One discriminator "
        "asks whether G(x) is like the real y, another whether F(y) is like the real x."
    ),
}
