"""The JavaScript by others in book/vendor/: whole, licensed, small, and of the versions said."""

import re

import pytest
from ipywidgets import _version

from tools import vendor


def test_files_are_those_whose_checksums_are_listed():
    assert vendor.checksums() == vendor.listed()


def test_altered_and_added_files_are_noticed(monkeypatch, tmp_path):
    """The sums are those of the empty text and of "abc" (FIPS 180-4, examples)."""
    monkeypatch.setattr(vendor, "VENDOR", tmp_path)
    (tmp_path / "a").touch()
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "README.md").write_text(f"```text\n{empty}  a\n```\n", encoding="utf-8")
    assert vendor.checksums() == vendor.listed() == {"a": empty}
    (tmp_path / "a").write_text("abc", encoding="utf-8")
    (tmp_path / "b").touch()
    assert vendor.checksums() == {"a": abc, "b": empty}


@pytest.mark.parametrize("package", vendor.PACKAGES)
def test_readme_names_version_and_licence(package):
    version, folder, _ = vendor.PACKAGES[package]
    readme = (vendor.VENDOR / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in readme.splitlines() if line.startswith(f"| [{package} ")]
    assert f"[{package} {version}](https://github.com/" in row
    licences = re.findall(r"\[text\]\((\S+)\)", row)
    assert licences
    assert all(path.startswith(f"{folder}/") and path in vendor.listed() for path in licences)


def test_files_are_small():
    files = [path for path in vendor.VENDOR.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 4e6


def test_widget_manager_fits_the_installed_ipywidgets():
    """Which npm version ipywidgets asks for: a caret, which allows all of one major version."""
    version = vendor.PACKAGES["@jupyter-widgets/html-manager"][0].split(".")
    wanted = _version.__html_manager_version__
    assert wanted.startswith("^")
    oldest = wanted[1:].split(".")
    assert version[0] == oldest[0]
    assert [int(part) for part in version] >= [int(part) for part in oldest]
