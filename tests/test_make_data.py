"""`make data`: what it says and does on a machine that has no dataset and cannot download one."""

import os

import numpy as np
import pytest

from ganlib import data
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
