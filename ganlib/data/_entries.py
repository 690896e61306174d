"""What lies in a folder: whose pictures and classes count, and names that any system takes."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ganlib import _files

# Suffixes of formats that Pillow may not know (a phone's HEIC) are listed as well: such a file is
# then named among the skipped ones, where it would otherwise vanish without a word.
SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
SUFFIXES |= {".avif", ".heic", ".heif"}

# Pictures too, but never opened, only named. Of a camera's raw file, which is a TIFF to Pillow, one
# would get the small preview.
UNREAD_SUFFIXES = {".jp2", ".j2k", ".jxl", ".pbm", ".pgm", ".pnm", ".ppm", ".psd", ".tga", ".exr"}
UNREAD_SUFFIXES |= {".dng", ".arw", ".cr2", ".cr3", ".nef", ".orf", ".pef", ".raf", ".rw2", ".srw"}

# Folders that systems and servers put beside people's pictures, for thumbnails, previews, deleted
# and found files; in lower case. Those that begin with a dot are ignored anyway.
FOREIGN_FOLDERS = {
    *("__macosx", "network trash folder", "temporary items"),  # Apple
    *("@eadir", "@tmp", "#recycle", "#snapshot"),  # Synology
    *("@recycle", "@recently-snapshot", "@__thumb"),  # QNAP
    *("$recycle.bin", "recycler", "recycled", "system volume information", "found.000"),  # Windows
    "lost+found",  # Linux
}
FOREIGN_SUFFIXES = (".lrdata", ".photoslibrary")  # previews of Lightroom, what Apple's Photos keeps

MAX_NAME_BYTES = 255
"""How long a folder's name may be on common file systems."""

# No folder of Windows can have such a name, nor one with a dot behind it.
DEVICES = {"CON", "PRN", "AUX", "NUL"}
DEVICES |= {f"{port}{number}" for port in ("COM", "LPT") for number in range(10)}


def is_foreign(name: str) -> bool:
    """Whether a file or folder of this name is none of the pictures and classes of a person."""
    name = name.lower()
    return name.startswith(".") or name in FOREIGN_FOLDERS or name.endswith(FOREIGN_SUFFIXES)


def would_mix(entry: Path) -> bool:
    """Whether loading would take something from here, beside what saving puts there."""
    is_picture = entry.suffix.lower() in SUFFIXES | UNREAD_SUFFIXES
    return not is_foreign(entry.name) and (is_picture or entry.is_dir())


def walk(root: Path, unread: list[tuple[Path, OSError]]) -> Iterator[Path]:
    """Yield the picture files below a folder, sorted by name, folder by folder.

    Folders that cannot be read are put into `unread`, with the error; of the root it is raised.
    """
    # What is left to look at, last first; None: the folder above it is done. No recursion, as
    # folders may lie deeper in each other than Python's functions can.
    pending, above = [root], []
    while pending:
        entry = pending.pop()
        if entry is None:
            above.pop()
        elif os.path.isdir(entry):
            try:
                about = entry.stat()
                identity = about.st_dev, about.st_ino
                if identity in above:  # a link to a folder above: following it would never end
                    continue
                names = sorted(os.listdir(entry), reverse=True)
            except OSError as error:
                if entry is root:
                    raise
                unread.append((entry, error))
                continue
            above.append(identity)
            pending += [None, *(entry / name for name in names if not is_foreign(name))]
        elif entry.suffix.lower() in SUFFIXES | UNREAD_SUFFIXES:
            yield entry


def folder_names(class_names: tuple[str, ...]) -> list[str]:
    """Return one folder name per class, valid on every common system, and a class to `load_folder`.

    Characters that some file system refuses become hyphens: "T-shirt/top" is "T-shirt-top". So do
    the ends of what is no class to `load_folder`, or a device to Windows, and long names are cut.
    """
    names = [_folder_name(name) for name in class_names]
    # Two names that differ in case alone are one folder on macOS and Windows.
    if len({name.casefold() for name in names}) < len(names):
        raise ValueError(
            f"received the class names {class_names}, which give the folder names {names}; "
            "expected names that differ in letters or digits. Rename the classes first."
        )
    return names


def _folder_name(class_name: str) -> str:
    name = _files.readable(class_name)
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]|^[. ]+|[. ]+$', "-", name) or "-"
    if is_foreign(name) or name.split(".")[0].rstrip().upper() in DEVICES:
        name = f"-{name}-"
    while len(name.encode()) > MAX_NAME_BYTES:
        name = f"{name[:-2]}-"
    return name
