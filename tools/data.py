"""Get the datasets of the book: from this machine, by download, or from a system package.

`make data` calls it. The library itself only looks and downloads. This script may do more, and says
so before it does: where the download failed, the user is root and the system has `apt-get`, it
installs the Debian package that holds the dataset. Elsewhere it prints the command.
"""

import os
import shutil
import subprocess
import sys

from ganlib import data


def main() -> int:
    """Loads each part of each dataset once; returns the exit status."""
    for split in ("train", "test"):
        try:
            images = get(data.load_fashion_mnist, split)
        except (data.MissingDataError, InstallError) as error:
            print(error, file=sys.stderr)
            return 1
        print(f"Fashion-MNIST, {split}: {len(images):,} images, checksums right")
    return 0


class InstallError(Exception):
    """A package could not be installed."""


def get(load, *arguments):
    """Returns what `load` gives; installs the package of what it misses, if that is allowed."""
    try:
        return load(*arguments)
    except data.MissingDataError as error:
        if error.package is None or not may_install():
            raise
        print(error)
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


if __name__ == "__main__":
    sys.exit(main())
