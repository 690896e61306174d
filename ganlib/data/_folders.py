"""Folders of pictures, as people really have them, to one array and back.

The functions here know files and arrays; `ganlib.data` wraps them in `Images`.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from ganlib import _files

try:
    import fcntl
except ImportError:  # pragma: no cover  (Windows)
    fcntl = None

# Suffixes of formats that Pillow may not know (a phone's HEIC) are listed as well: such a file is
# then named among the skipped ones, where it would otherwise vanish without a word.
SUFFIXES = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
SUFFIXES |= {".avif", ".heic", ".heif"}

# Pillow looks at the contents and not at the suffix. Its other readers stay closed: one of them
# starts Ghostscript on whatever lies in a file.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF")

EXIF_ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

MAX_NAMES = 10
"""How many skipped files the warning names."""

SHOW_PROGRESS = 5_000
"""From how many pictures on a progress bar is shown."""

_FORMAT = 1  # of the mapped files: another number makes the old ones unknown


class SkippedFilesWarning(UserWarning):
    """Says that picture files could not be decoded.

    Args:
        message: what to say.
        files: every one of them: pairs of the path, relative to the folder, and the reason. They
            are the attribute of this name.
    """

    def __init__(self, message: str, files: list[tuple[Path, str]]) -> None:
        super().__init__(message)
        self.files = files


def find(path) -> list[Path]:
    """Return the picture files below a folder, relative to it, in the order of `read`.

    Raises:
        FileNotFoundError, NotADirectoryError, ValueError: as `read` does where there are none.
    """
    root = _existing_folder(path)
    files = [file.relative_to(root) for file in _walk(root)]
    if not files:
        raise ValueError(
            f"received the folder {root}, which holds no pictures; expected files ending in "
            f"{' '.join(sorted(SUFFIXES))}. Put them into the folder itself or into one sub-folder "
            "per class."
        )
    return files


def read(path, form: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray | None, tuple]:
    """Read every picture below a folder; see `ganlib.data.load_folder` for the rules.

    Args:
        path: the folder.
        form: (image_size, image_size, channels).

    Returns:
        Images, uint8 `(n, *form)`; labels, int64 `(n,)` or None; and the class names.
    """
    root, files = _existing_folder(path), find(path)
    images, done = np.empty((len(files), *form), np.uint8), np.zeros(len(files), bool)
    skipped = _decode_all(root, files, images, done)
    if skipped:
        _report(root, skipped, len(files))
        images = images[done]
    return images, *_classes(root, _kept(root, files, skipped))


def open_mapped(path, form: tuple[int, int, int], cache: Path) -> tuple:
    """Open a folder as one mapped file; see `ganlib.data.open_folder` for the rules.

    Returns:
        As `read`, but the images are a `numpy.memmap`.
    """
    root, files = _existing_folder(path), find(path)
    target = cache / f"{_key(root, files, form)}.uint8"
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_suffix(".lock")):
        # The list of what was skipped is written last: where it is, all is.
        if not target.with_suffix(".json").exists():
            _build(root, files, form, target)
    names = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
    skipped = [(Path(name), reason) for name, reason in names]
    if skipped:
        _report(root, skipped, len(files))
    kept = _kept(root, files, skipped)
    images = np.memmap(target, np.uint8, "r", shape=(len(kept), *form))
    return images, *_classes(root, kept)


def _key(root: Path, files: list[Path], form: tuple[int, int, int]) -> str:
    """Return a hash of the names, sizes and times of the files, and of the form."""
    digest = hashlib.sha256(repr((_FORMAT, form)).encode())
    for file in files:
        size_and_time = ()
        with contextlib.suppress(OSError):  # a link to nowhere is skipped later, by name
            about = (root / file).stat()
            size_and_time = about.st_size, about.st_mtime_ns
        digest.update(repr((file.as_posix(), *size_and_time)).encode())
    return digest.hexdigest()[:32]


def _build(root: Path, files: list[Path], form: tuple[int, int, int], target: Path) -> None:
    """Decode all files into `target`, and write the list of the skipped ones beside it."""
    partial, state = target.with_suffix(".part"), target.with_suffix(".state")
    num_bytes = math.prod((len(files), *form))
    resumed = partial.exists() and state.exists() and state.stat().st_size == len(files)
    free = shutil.disk_usage(target.parent).free
    if not resumed and free < num_bytes:  # a mapped file that outgrows the disk kills the process
        raise OSError(
            f"{len(files)} pictures take {num_bytes:,} bytes, but {free:,} are free in "
            f"{target.parent}. Free some, or pass another cache folder or a smaller image_size"
        )
    if not resumed:
        state.unlink(missing_ok=True)
    mode = "r+" if resumed else "w+"
    images = np.memmap(partial, np.uint8, mode, shape=(len(files), *form))
    done = np.memmap(state, bool, mode, shape=(len(files),))
    skipped = _decode_all(root, files, images, done)
    kept = _kept(root, files, skipped)
    places = np.flatnonzero(done)
    del done
    state.unlink()  # from here on the rows move: if this is interrupted, all begins anew
    if skipped:
        for place, source in enumerate(places):
            images[place] = images[source]
    images.flush()
    del images
    os.truncate(partial, math.prod((len(kept), *form)))
    partial.replace(target)
    listing = json.dumps([[str(name), reason] for name, reason in skipped])
    _files.write(target.with_suffix(".json"), listing)


@contextlib.contextmanager
def _locked(path: Path):
    """Let one process at a time in. A process that dies lets go; Windows knows no such lock."""
    with path.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _decode_all(
    root: Path, files: list[Path], images: np.ndarray, done: np.ndarray
) -> list[tuple[Path, str]]:
    """Decode the files that are not done into their rows; return the broken ones with reasons."""

    def decode(index: int) -> tuple[Path, str] | None:
        try:
            images[index] = _decode(root / files[index], *images.shape[2:])
        except Exception as error:  # a broken file can raise nearly anything in a decoder
            return files[index], _reason(error)
        done[index] = True
        return None

    Image.init()  # loads the readers of all formats
    pending, skipped = np.flatnonzero(~done), []
    bar = tqdm(total=len(pending), unit="picture", disable=len(pending) < SHOW_PROGRESS)
    with _quiet_pillow(), ThreadPoolExecutor(os.cpu_count()) as pool, bar:
        # Part by part, so that an interruption need not wait for a million pictures.
        for start in range(0, len(pending), 256):
            part = pending[start : start + 256].tolist()
            skipped += [result for result in pool.map(decode, part) if result]
            bar.update(len(part))
    return skipped


def _kept(root: Path, files: list[Path], skipped: list[tuple[Path, str]]) -> list[Path]:
    """Return the files without the skipped ones; it is an error if none is left."""
    if len(skipped) == len(files):
        raise ValueError(
            f"received {len(files)} picture files in {root}, none of which could be decoded (the "
            f"first is {skipped[0][0]}: {skipped[0][1]}); expected at least one. Save them anew as "
            "PNG or JPEG."
        )
    broken = {name for name, _ in skipped}
    return [file for file in files if file not in broken]


def write(path, images: np.ndarray, folders: list[str]) -> None:
    """Write one PNG per image into `path/<folder>/`; an empty folder name means `path` itself."""
    root = Path(path).expanduser()
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(f"{root} is a file: expected the path of a new or empty folder")
    if root.is_dir() and any(root.iterdir()):
        raise FileExistsError(
            f"{root} is not empty: old pictures would mix with the new ones. Give the path of a "
            "new folder, or delete this one first"
        )
    num_digits = max(5, len(str(len(images))))
    for folder in {*folders, ""}:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for index, (image, folder) in enumerate(zip(images, folders, strict=True)):
        # Pillow wants grey images without their channel axis.
        pixels = image[:, :, 0] if image.shape[-1] == 1 else image
        Image.fromarray(pixels).save(root / folder / f"{index:0{num_digits}d}.png")


def folder_names(class_names: tuple[str, ...]) -> list[str]:
    """Return one folder name per class, valid on every common system.

    Characters that some file system refuses become hyphens: "T-shirt/top" is "T-shirt-top".
    """
    names = [
        re.sub(r'[\x00-\x1f<>:"/\\|?*]|^[. ]+|[. ]+$', "-", name) or "-" for name in class_names
    ]
    # Two names that differ in case alone are one folder on macOS and Windows.
    if len({name.casefold() for name in names}) < len(names):
        raise ValueError(
            f"received the class names {class_names}, which give the folder names {names}; "
            "expected names that differ in letters or digits. Rename the classes first."
        )
    return names


def _existing_folder(path) -> Path:
    root = Path(path).expanduser()
    if not root.exists():
        raise FileNotFoundError(f"there is no folder {root} (looked from {Path.cwd()})")
    if not root.is_dir():
        raise NotADirectoryError(
            f"{root} is a file: expected a folder of pictures. Unpack an archive first"
        )
    return root


def _walk(folder: Path, ancestors: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the picture files below a folder, sorted by name, folder by folder."""
    real = folder.resolve()
    if real in ancestors:  # a link back to a folder above: following it would never end
        return
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_dir():
            yield from _walk(entry, (*ancestors, real))
        elif entry.suffix.lower() in SUFFIXES:
            yield entry


@contextlib.contextmanager
def _quiet_pillow():
    """Turn Pillow's mild remarks off, and its remark about a decompression bomb into an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _decode(file: Path, image_size: int, channels: int) -> np.ndarray:
    """Return one picture, uint8 `(image_size, image_size, channels)`."""
    if file.exists() and not file.is_file():
        raise OSError("no regular file")  # reading from a pipe would wait for ever
    formats = [name for name in FORMATS if name in Image.OPEN]
    with Image.open(file, formats=formats) as picture:
        # JPEG alone can decode at 1/2, 1/4 or 1/8 of its size, far faster. Twice the wanted size
        # leaves the last step to the antialiased resize.
        picture.draft(picture.mode, (2 * image_size, 2 * image_size))
        picture.load()
        # The orientation is read after loading: Pillow turns TIFF files by itself.
        turn = TURNS.get(_orientation(picture))
        plain = _plain(picture, channels)
    square = _square(plain if turn is None else plain.transpose(turn), image_size)
    return np.asarray(square).reshape(image_size, image_size, channels)


def _orientation(picture: Image.Image) -> int | None:
    """Return how the camera was held (EXIF), or None where the file does not say."""
    try:
        return picture.getexif().get(EXIF_ORIENTATION)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return None


def _plain(picture: Image.Image, channels: int) -> Image.Image:
    """Convert any mode to 8-bit grey or RGB; what is transparent becomes white."""
    if picture.mode.startswith("I"):
        picture = _from_16_bit(picture)
    elif picture.mode == "F":
        raise OSError("floating-point pixels, whose range is not known")
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    if channels == 1 and picture.mode != "L":
        # By way of RGB, since not every mode turns grey directly.
        picture = picture.convert("RGB").convert("L")
    return picture.convert("RGB" if channels == 3 else "L")


def _from_16_bit(picture: Image.Image) -> Image.Image:
    """Map 0..65535 to 0..255. Mode "I" has 32 bits, but 16-bit files are read into it too."""
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise OSError(f"pixel values from {values.min()} to {values.max()}, expected 0 to 65535")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _square(picture: Image.Image, image_size: int) -> Image.Image:
    """Cut the central square out and resize it with antialiasing.

    It gives the same pixels as first resizing the shorter side to `image_size` and then cropping,
    but a strip of 1 by 10,000 pixels stays small on the way. The bicubic filter grows with the
    reduction; Parmar et al. (2022), "On Aliased Resizing and Surprising Subtleties in GAN
    Evaluation", show what the filters of other libraries do to the Fréchet distance.
    """
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return picture.resize(
        (image_size, image_size),
        Image.Resampling.BICUBIC,
        box=(left, top, left + side, top + side),
    )


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"over {Image.MAX_IMAGE_PIXELS:,} pixels, refused as a decompression bomb"
    if isinstance(error, UnidentifiedImageError):
        return "not an image in a known format"
    return str(error) or type(error).__name__


def _report(root: Path, skipped: list[tuple[Path, str]], num_files: int) -> None:
    names = [f"{name} ({reason})" for name, reason in skipped[:MAX_NAMES]]
    if len(skipped) > MAX_NAMES:
        names.append(f"and {len(skipped) - MAX_NAMES} more")
    message = (
        f"skipped {len(skipped)} of {num_files} picture files in {root} that could not be "
        f"decoded: {', '.join(names)}"
    )
    warnings.warn(SkippedFilesWarning(message, skipped), stacklevel=4)


def _classes(root: Path, names: list[Path]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return labels and class names from relative paths: the first folder is the class."""
    num_in_root = sum(len(name.parts) == 1 for name in names)
    if num_in_root == len(names):
        return None, ()
    if num_in_root:
        warnings.warn(
            f"{num_in_root} of {len(names)} pictures lie directly in {root}, beside sub-folders: "
            "all are loaded, without labels. For labels, move them into class folders",
            stacklevel=4,
        )
        return None, ()
    folders = [name.parts[0] for name in names]
    class_names = tuple(sorted(set(folders)))
    numbers = {name: number for number, name in enumerate(class_names)}
    return np.array([numbers[folder] for folder in folders], np.int64), class_names
