"""The shipped generators: those of the published runs, small, and refused when incomplete."""

import base64
import csv
import io
import re

import numpy as np
import pytest
from PIL import Image

from ganlib import data, features, losses, metrics, pretrained, training, viz
from ganlib._tensorflow import keras
from ganlib.models import dcgan, inference
from tools import notebooks

MAX_BYTES = 8_000_000  # of all files together
NUM_IMAGES = 10_000  # of the published figure


@pytest.fixture(scope="module")
def real_features():
    return features.fashion_classifier()(data.load_fashion_mnist(split="test").images)


def distance_and_error(real_features, images):
    """Returns the relative Fréchet distance of images, and its standard error.

    By the delta method, in float64. The squared Wasserstein distance of Gaussians changes with the
    law of the generated features by the mean of their Kantorovich potential
    φ(x) = |x − m_g|² − (x − m_g)ᵀ T (x − m_g) + 2 (m_g − m_r)ᵀ x, where T carries Σ_g to Σ_r.
    """
    x = features.fashion_classifier()(images).astype(np.float64)
    real = real_features.astype(np.float64)
    offset = x.mean(0) - real.mean(0)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    root = (vectors * np.sqrt(np.maximum(values, 1e-9))) @ vectors.T  # Σ_g^½
    inner = np.linalg.eigh(root @ np.cov(real.T) @ root)
    inner = (inner[1] * np.sqrt(np.maximum(inner[0], 0))) @ inner[1].T
    transport = np.linalg.inv(root) @ inner @ np.linalg.inv(root)
    y = x - x.mean(0)
    potential = np.square(y).sum(1) - np.einsum("ni,ij,nj->n", y, transport, y) + 2 * x @ offset
    error = potential.std() / np.sqrt(len(x)) / np.trace(np.cov(real.T))
    return metrics.relative_frechet_distance(real_features, x), error


def published_distance():
    """Returns what the lab printed about the generator that it saved."""
    for cell in notebooks.read(notebooks.lab_path("07_dcgan")).cells:
        for output in cell.get("outputs", []):
            if match := re.search(r"(0\.\d{4})  generated", output.get("text", "")):
                return float(match[1])
    raise AssertionError("lab 07 prints no line `0.1234  generated`")


# The picture in the book that a lab's published run drew, of eight columns.
PICTURES = {
    "emoji_dcgan": "own_images_samples.svg",
    "fashion_conditional": "conditional_samples.svg",
    "fashion_dcgan": "dcgan_samples.svg",
}
COLUMNS = 8


def inputs_of(generator, rows):
    """Latents of seed 0 for a picture; with classes a row for each, all with the same latents."""
    if len(generator.inputs) == 1:
        return inference.latents(generator, rows * COLUMNS)
    latents = np.tile(inference.latents(generator, COLUMNS), (rows, 1))
    return [latents, np.repeat(np.arange(rows), COLUMNS)]


def pixels_of(path):
    """The pixels of a grid as `viz.tile` lays them out: white between the images."""
    if path.suffix == ".svg":
        data = re.search(r'data:image/png;base64,([^"]+)"', path.read_text(encoding="utf-8"))[1]
        path = io.BytesIO(base64.b64decode(data))
    with Image.open(path) as file:
        pixels = np.asarray(file.convert("RGBA")).astype(int)
    return np.where(pixels[..., 3:] == 255, pixels[..., :3], 255)


@pytest.mark.parametrize("name", pretrained.__all__)
def test_generator_draws_the_picture_in_the_book(name, root):
    picture = pixels_of(root / "book" / "_static" / PICTURES[name])
    generator = getattr(pretrained, name)()
    rows = round(picture.shape[0] / picture.shape[1] * COLUMNS)
    images = data.to_uint8(generator(inputs_of(generator, rows), training=False).numpy())
    drawn = viz.tile(images, num_columns=COLUMNS)
    drawn = drawn if drawn.ndim == 3 else np.repeat(drawn[..., None], 3, axis=2)
    assert drawn.shape == picture.shape
    assert np.abs(drawn - picture).max() <= 3  # of 255: float16 and other processors round


def test_fashion_generator_is_the_one_whose_distance_the_lab_prints(real_features):
    # Its 10,000 latents of seed 0, drawn as the lab draws them. The figure is printed to 5e-5; the
    # rest is for float16 kernels (1e-5) and for processors that round otherwise.
    gan = training.GAN(pretrained.fashion_dcgan(), dcgan.discriminator(28, 1), losses.minimax)
    images = data.to_uint8(gan.sample(NUM_IMAGES, seed=0))
    fake_features = features.fashion_classifier()(images)
    distance = metrics.relative_frechet_distance(real_features, fake_features)
    assert distance == pytest.approx(published_distance(), abs=1e-4)


def test_fashion_generator_is_as_good_as_the_published_seeds(real_features, root):
    with (root / "book" / "data" / "07_dcgan_seeds.csv").open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["seed"] == "range")
    low, high = map(float, row["relative Fréchet distance"].split(" to "))
    num_images = 2_500
    latents = keras.random.normal([num_images, 64], seed=0)  # not the lab's: a reader's own
    images = data.to_uint8(pretrained.fashion_dcgan().predict(latents, verbose=0))
    distance, error = distance_and_error(real_features, images)
    # Fewer images raise the expected distance: for Gaussians of covariance Σ with eigenvalues λ,
    # by (tr Σ + ½ Σᵢⱼ (1 + δᵢⱼ) λᵢλⱼ / (λᵢ + λⱼ)) / n, the second order of Bures's distance.
    values = np.maximum(np.linalg.eigvalsh(np.cov(real_features.T.astype(np.float64))), 1e-9)
    pairs = np.outer(values, values) / np.add.outer(values, values) * (1 + np.eye(len(values)))
    per_image = 1 + pairs.sum() / 2 / values.sum()
    bias = per_image * (1 / num_images - 1 / NUM_IMAGES)
    assert error < 0.003
    assert low - 4 * error <= distance <= high + bias + 4 * error


@pytest.mark.parametrize("name", pretrained.__all__)
def test_generator_is_plain_keras_and_draws_in_the_models_range(name, tmp_path):
    generator = getattr(pretrained, name)()
    latents = keras.random.normal([8, generator.inputs[0].shape[1]], seed=1)
    labels = keras.ops.arange(8, dtype="int32")
    images = generator([latents, labels] if len(generator.inputs) > 1 else latents).numpy()
    assert images.dtype == np.float32
    assert np.abs(images).max() <= 1
    assert np.std(images, axis=0).mean() > 0.1  # they differ from each other
    assert {type(layer).__module__.split(".")[0] for layer in generator.layers} == {"keras"}


@pytest.mark.parametrize("name", pretrained.__all__)
def test_each_call_gives_a_model_of_its_own(name):
    first, second = getattr(pretrained, name)(), getattr(pretrained, name)()
    first.set_weights([np.zeros_like(w) for w in first.get_weights()])
    assert np.abs(second.get_weights()[0]).max() > 0


def test_every_generator_has_a_file_that_a_lab_makes_and_all_are_small(root):
    folder = root / "ganlib" / "pretrained_weights"
    files = {path.name for path in folder.iterdir()}
    assert files == {f"{name}.npz" for name in pretrained.__all__}
    products = notebooks.entries("products.yml").values()
    made = {root / made["generator"] for made in products if "generator" in made}
    assert made == set(folder.iterdir())
    shipped = (root / "ganlib").rglob("*.npz")
    assert sum(path.stat().st_size for path in shipped) < MAX_BYTES


def test_missing_file_is_named_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"fashion_dcgan\.npz.*Install ganlib again.*make"):
        pretrained.fashion_dcgan()


def test_shipped_weights_are_those_of_the_keras_file_in_half_precision(tmp_path):
    # by NumPy: float16 has 11 significant bits, and below 2⁻¹⁴ steps of 2⁻²⁴
    generator = pretrained.fashion_dcgan()
    random = np.random.default_rng(0)
    arrays = [random.normal(size=w.shape, scale=0.02) + 0.1 for w in generator.get_weights()]
    arrays[3] = arrays[3] * 1e-7 + 1e-9  # a variance that float16 would lose
    generator.set_weights(arrays)
    generator.save(tmp_path / "generator.keras")
    target = tmp_path / "new" / "g.npz"
    notebooks.ship_generator(tmp_path / "generator.keras", target)
    first = target.read_bytes()
    notebooks.ship_generator(tmp_path / "generator.keras", target)
    assert target.read_bytes() == first  # the same file for the same weights
    with np.load(target) as stored:
        for wanted, key in zip(arrays, sorted(stored.files), strict=True):
            exact = wanted.ndim == 1
            np.testing.assert_allclose(
                stored[key], wanted, rtol=1e-6 if exact else 2**-11, atol=0 if exact else 2**-25
            )


def test_run_of_the_lab_refreshes_the_weights_that_are_shipped(monkeypatch, tmp_path):
    generator = pretrained.fashion_dcgan()
    generator.set_weights([w + 0.25 for w in generator.get_weights()])
    generator.save(tmp_path / "generator.keras")
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    only_weights = {"07_dcgan": {"generator": "ganlib/pretrained_weights/fashion_dcgan.npz"}}
    monkeypatch.setattr(notebooks, "entries", {"products.yml": only_weights}.get)
    notebooks.hand_over("07_dcgan", tmp_path)
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path / "ganlib" / "pretrained_weights")
    latents = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    np.testing.assert_allclose(pretrained.fashion_dcgan()(latents), generator(latents), atol=0.02)
