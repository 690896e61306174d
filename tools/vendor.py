"""Fetch the JavaScript that the rendered book serves itself: ``make vendor``.

Takes pinned npm packages (``npm pack``: nothing is installed, no script of theirs runs), keeps the
files that the book needs, byte for byte, and writes their checksums into ``book/vendor/README.md``,
which says what each package is for. A change of version shows in its diff.
"""

import hashlib
import importlib.metadata
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "book" / "vendor"
CHECKSUMS = re.compile(r"^([0-9a-f]{64})  (\S+)$", re.MULTILINE)

# MathJax loads these at the first use of one of their macros, such as \cancel or \color.
TEX = "amscd bbox boldsymbol braket cancel color enclose extpfeil html unicode verb"
# Package -> (version, folder of book/vendor/, {file in the package: its name here}).
PACKAGES = {
    "mathjax": (
        "3.2.2",
        "mathjax",
        {"LICENSE": "LICENSE", "es5/tex-chtml.js": "tex-chtml.js"}
        | {f"es5/input/tex/extensions/{x}.js": f"input/tex/extensions/{x}.js" for x in TEX.split()}
        | {"es5/output/chtml/fonts/woff-v2/*.woff": "output/chtml/fonts/woff-v2/"},
    ),
    "@jupyter-widgets/html-manager": (
        "1.0.15",
        "jupyter-widgets",
        {x: x.removeprefix("dist/") for x in ("dist/embed.js", "dist/embed.js.LICENSE.txt")}
        | {"dist/*.woff2": ""},
    ),
    # The slides of the course. Its themes ask for fonts, so the course has a look of its own.
    "reveal.js": (
        "5.2.1",
        "reveal",
        {"LICENSE": "LICENSE", "plugin/notes/notes.js": "notes.js"}
        | {f"dist/{x}": x for x in ("reset.css", "reveal.css", "reveal.js")},
    ),
    # The icons of the widgets' buttons; the widget manager brings the fonts, not their licence.
    "@fortawesome/fontawesome-free": (
        "5.15.4",
        "jupyter-widgets",
        {"LICENSE.txt": "fontawesome.LICENSE.txt"},
    ),
}


def fetch(package, version, folder):
    """Downloads one version of a package and unpacks it below a folder; returns where it lies."""
    command = ["npm", "pack", "--silent", f"{package}@{version}", "--pack-destination", folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (archive,) = Path(folder).glob("*.tgz")
    shutil.unpack_archive(archive, folder)
    return Path(folder) / "package"


def keep(source, target, names):
    """Copies the named files of an unpacked package; a name with a star stands for several."""
    for name, new_name in names.items():
        paths = sorted(source.glob(name))
        if not paths:
            raise FileNotFoundError(f"the package has no {name}: mend PACKAGES in {__file__}")
        for path in paths:
            copy = target / (new_name + path.name if "*" in name else new_name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def widget_licence():
    """Returns ipywidgets' licence; its packages on npm come from one repository without a copy."""
    files = importlib.metadata.files("ipywidgets")
    return next(path for path in files if path.name == "LICENSE").read_text(encoding="utf-8")


def checksums():
    """Returns what is in book/vendor/ apart from the README: {path: sha256}."""
    paths = sorted(p for p in VENDOR.rglob("*") if p.is_file() and p != VENDOR / "README.md")
    return {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def listed():
    """Returns what the README lists: {path: sha256}."""
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    return {path: digest for digest, path in CHECKSUMS.findall(readme)}


def main():
    for _, name, _ in PACKAGES.values():
        shutil.rmtree(VENDOR / name, ignore_errors=True)
    for package, (version, name, files) in PACKAGES.items():
        print(f"{package} {version} …")
        with tempfile.TemporaryDirectory() as folder:
            keep(fetch(package, version, folder), VENDOR / name, files)
    (VENDOR / "jupyter-widgets" / "LICENSE").write_text(widget_licence(), encoding="utf-8")

    readme = VENDOR / "README.md"
    text = readme.read_text(encoding="utf-8")
    for package, (version, _, _) in PACKAGES.items():
        text = re.sub(rf"({re.escape(package)}/v/)[\w.-]+\)", rf"\g<1>{version})", text)
        text = re.sub(rf"(\[{re.escape(package)}) [\w.-]+\]", rf"\1 {version}]", text)
    lines = "\n".join(f"{digest}  {path}" for path, digest in checksums().items())
    head, _, _ = text.partition("```text\n")
    readme.write_text(f"{head}```text\n{lines}\n```\n", encoding="utf-8")
    print(f"The files are in {VENDOR.relative_to(ROOT)}/, their checksums in its README.md")


if __name__ == "__main__":
    main()
