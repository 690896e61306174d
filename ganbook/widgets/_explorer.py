"""An explorer of a generator's latents. `ganbook.widgets` says how it behaves in a notebook."""

import math

import numpy as np
from PIL import Image

from ganbook.widgets import _panel
from ganlib import _checks, data, training
from ganlib._tensorflow import keras, tf
from ganlib.models import inference

_SHOWN_SIDE = 400  # CSS pixels that a picture fills at most, in whole multiples of its own
_NUM_PROBES = 4  # latents at which a generator's slopes are measured


def latent_explorer(generator, class_names=None, num_directions=4, seed=0):
    """One picture of a generator, and controls that move its latents.

    The latents are ψ · (cos(πt/2) a + sin(πt/2) b + Σ cᵢ vᵢ): a and b belong to two seeds and t
    blends them, ψ is the truncation, and the vᵢ are the directions along which the generator's
    pictures change most. As cos² + sin² = 1, a blend of two draws from N(0, I) is distributed like
    one.

    Args:
        generator: ``keras.Model``, latents (batch, latent_dim), or a list of latents and int32
            labels (batch,), -> images in [-1, 1]; or the path of a ``.keras`` file of one that you
            trust.
        class_names: names of the classes of a conditional generator, in the order of its labels.
            None: their numbers.
        num_directions: how many directions get a slider.
        seed: the first seed, an integer from 0 to 9999; at t = 0, ψ = 1 and cᵢ = 0 it shows the
            image of ``training.GAN.sample(1, seed)``.

    Returns:
        A ``LatentExplorer``; as the last expression of a cell it is shown.

    Raises:
        ValueError: if the generator makes no images, or the class names do not fit it.
        FileNotFoundError: if there is no such file.

    Example:
        >>> from ganbook import widgets
        >>> from ganlib import pretrained
        >>> explorer = widgets.latent_explorer(pretrained.fashion_dcgan(), num_directions=2)
        >>> explorer.controls["blend"].value = 0.5
        >>> explorer.image().shape
        (28, 28, 1)

    Reference:
        Truncation: Brock, Donahue and Simonyan, ICLR 2019, for a normal distribution that is cut;
        here it is narrowed.
    """
    if not isinstance(generator, keras.Model):
        generator = training.load_generator(generator)
    shape = tuple(generator.output_shape[1:])
    if len(shape) != 3 or shape[2] not in (1, 3) or len(generator.inputs) > 2:
        raise ValueError(
            f"received a generator of samples of shape {shape} from {len(generator.inputs)} "
            "inputs; expected images (height, width, 1 or 3) from latents, or from latents and "
            "labels. Points of the plane are for toy_trainer."
        )
    return LatentExplorer(generator, _class_options(generator, class_names), num_directions, seed)


def _class_options(generator, class_names):
    """The classes as (name, label), an empty list where there are none."""
    names = None if class_names is None else [str(name) for name in class_names]
    expected = 0 if len(generator.inputs) == 1 else inference.num_classes(generator)
    if names is None and expected is not None:
        names = [str(label) for label in range(expected)]
    fits = bool(names) if expected is None else len(names) == expected
    if not fits:
        number = "an unknown number of" if expected is None else expected
        raise ValueError(
            f"received class_names={class_names!r} for a generator with {number} classes; "
            f"expected one name for each. Pass None where it takes no labels."
        )
    return [(name, label) for label, name in enumerate(names)]


class LatentExplorer(_panel.Panel):
    """What ``latent_explorer`` makes.

    Attributes:
        controls: dict, name -> ipywidgets control: "seed", "other_seed", "blend", "truncation",
            "direction_1" and so on, and "class" for a conditional generator.
        generator: the generator.
        directions: the vᵢ, float32 (num_directions, latent_dim), orthonormal.
        png: the picture of now, bytes of a PNG file, enlarged by a whole number.
        box: the ipywidgets container with everything in it.

    Args:
        generator: see ``latent_explorer``.
        classes: list of (name, label), empty for an unconditional generator.
        num_directions: see ``latent_explorer``.
        seed: see ``latent_explorer``.
    """

    def __init__(self, generator, classes, num_directions, seed):
        self.generator = generator
        labels = {"class": _panel.choice("Class", classes)} if classes else {}
        controls = labels | {
            "seed": _panel.number("Seed", seed, 0, 9999),
            "other_seed": _panel.number("Other seed", seed + 1, 0, 9999),
            "blend": _panel.slider("Blend of both", 0.0, 0.0, 1.0, 0.05),
            "truncation": _panel.slider("Truncation", 1.0, 0.0, 1.5, 0.05),
        }
        for k in range(num_directions):
            controls[f"direction_{k + 1}"] = _panel.slider(
                f"Direction {k + 1}", 0.0, -6.0, 6.0, 0.25
            )
        super().__init__(controls, "7em")
        probes = tf.concat([self._latents_of(seed + k) for k in range(_NUM_PROBES)], 0)
        self.directions = principal_directions(self._images, probes, num_directions)
        for control in controls.values():
            control.observe(self._draw, "value")
        self._draw()

    def __repr__(self):
        height, width = self.generator.output_shape[1:3]
        return f"<LatentExplorer of {height}×{width} images: {self._describe()}>"

    def latents(self):
        """The latents that the controls stand for.

        Returns:
            float32 tensor (1, latent_dim).
        """
        value = {name: control.value for name, control in self.controls.items()}
        angle = math.pi / 2 * value["blend"]
        blend = math.cos(angle) * self._latents_of(value["seed"])
        blend += math.sin(angle) * self._latents_of(value["other_seed"])
        shares = [value[f"direction_{k + 1}"] for k in range(len(self.directions))]
        return value["truncation"] * (blend + np.float32(shares) @ self.directions)

    def image(self):
        """The image that the controls stand for.

        Returns:
            uint8 array (height, width, channels).
        """
        return data.to_uint8(self._images(self.latents()).numpy())[0]

    def _latents_of(self, seed):
        """The latents (1, latent_dim) from which ``GAN.sample(1, seed)`` makes its image."""
        return inference.latents(self.generator, 1, seed)

    def _images(self, latents):
        if "class" in self.controls:
            latents = [latents, tf.fill([len(latents)], self.controls["class"].value)]
        return self.generator(latents, training=False)

    def _draw(self, change=None):
        image = self.image()
        zoom = max(1, _SHOWN_SIDE // max(image.shape[:2]))
        pixels = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
        pixels = pixels.squeeze(axis=2) if pixels.shape[2] == 1 else pixels
        self.show(Image.fromarray(pixels), pixels.shape[1], self._describe())

    def _describe(self):
        """Which image is shown, in words and numbers."""
        value = {name: control.value for name, control in self.controls.items()}
        parts = [f"Generated image of seed {value['seed']}"]
        if "class" in value:
            parts[0] += f", class {self.controls['class'].label}"
        if value["blend"]:
            parts.append(f"{value['blend']:.0%} of the way to seed {value['other_seed']}")
        parts.append(f"truncation {value['truncation']:g}")
        moves = [name for name in value if name.startswith("direction") and value[name]]
        parts += [f"{name.replace('_', ' ')}: {value[name]:+g}" for name in moves]
        return "; ".join(parts) + "."


def principal_directions(images_of, latents, num_directions):
    """The directions of the latents along which a generator's images change most.

    They are the first eigenvectors of the mean of JᵀJ, J being the generator's Jacobian: of all
    orthonormal directions these have the largest mean square slope of the pixels. J is taken by
    central differences.

    Args:
        images_of: callable, float32 latents (n, latent_dim) -> images (n, ...).
        latents: float32 (m, latent_dim), where J is taken.
        num_directions: how many, at most latent_dim.

    Returns:
        float32 array (num_directions, latent_dim), orthonormal, the strongest first; in each the
        number of the largest size is positive.

    Raises:
        ValueError: if there are not so many directions.

    Example:
        >>> import numpy as np
        >>> from ganbook import widgets
        >>> stretch = lambda z: z * np.float32([1, 3, 2])
        >>> widgets.principal_directions(stretch, np.zeros((1, 3), np.float32), 2).round(3) + 0
        array([[0., 1., 0.],
               [0., 0., 1.]], dtype=float32)

    Reference:
        Ramesh, Choi and LeCun, *A Spectral Regularizer for Unsupervised Disentanglement*, 2018.
    """
    latent_dim = latents.shape[1]
    _checks.integer(
        "num_directions",
        num_directions,
        at_least=0,
        at_most=latent_dim,
        fix=f"The latents have {latent_dim} numbers, and no more directions",
    )
    moves = 0.01 * tf.eye(latent_dim)
    gram = np.zeros((latent_dim, latent_dim))
    for one in latents:
        differences = images_of(one + moves) - images_of(one - moves)  # (latent_dim, ...)
        slopes = np.reshape(differences, [latent_dim, -1]).astype(np.float64) / 0.02  # Jᵀ
        gram += slopes @ slopes.T
    directions = np.linalg.eigh(gram)[1][:, ::-1].T[:num_directions]
    places = np.abs(directions).argmax(axis=1, keepdims=True)
    return (directions * np.sign(np.take_along_axis(directions, places, 1))).astype(np.float32)
