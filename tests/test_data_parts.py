"""Looking at a folder, leaving copies out, dealing images into parts."""

import os

import numpy as np
import pytest
from PIL import Image

from ganlib import data


@pytest.mark.parametrize("counts", [[50], [7, 7, 7], [1, 2, 3, 40], [3, 0, 5]])
@pytest.mark.parametrize("num_parts", [1, 3, 10])
def test_parts_and_the_classes_in_them_are_even(counts, num_parts):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = data.deal(labels, num_parts, seed=1)
    assert np.ptp(np.bincount(parts, minlength=num_parts)) <= 1
    for label in range(len(counts)):
        own = np.bincount(parts[labels == label], minlength=num_parts)
        assert own.sum() == counts[label]
        assert np.ptp(own) <= 1


def test_the_seed_decides_who_goes_where():
    labels = np.zeros(40, int)
    one, again, two = (data.deal(labels, 4, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, two)


def test_of_equal_images_the_first_stays_with_its_label():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 1), np.uint8)
    images = data.Images(pixels[[2, 0, 2, 1, 0]], [0, 1, 1, 0, 0])
    kept = data.distinct(images)
    assert np.array_equal(kept.images, pixels[[2, 0, 1]])
    assert kept.labels.tolist() == [0, 1, 0]


def test_sizes_are_those_of_the_headers(tmp_path):
    for name, size in (("b/wide.png", (30, 10)), ("a.jpg", (7, 9))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", size).save(tmp_path / name)
    (tmp_path / "c.png").write_text("no picture")
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    sizes = {file.as_posix(): size for file, size in data.picture_sizes(tmp_path).items()}
    assert sizes == {"a.jpg": (7, 9), "b/wide.png": (30, 10)}


def test_data_sets_are_looked_for_where_loading_looks(tmp_path, monkeypatch):
    from ganlib.data import _downloads

    monkeypatch.setattr(_downloads, "DISTRIBUTION_FOLDER", tmp_path / "none")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("GANLIB_DATA", str(tmp_path))
    assert data.find_datasets() == {"Fashion-MNIST": None, "CIFAR-10": None}
    (tmp_path / "cifar-10-binary.tar.gz").touch()
    assert data.find_datasets() == {"Fashion-MNIST": None, "CIFAR-10": tmp_path}
