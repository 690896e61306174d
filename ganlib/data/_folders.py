"""Folders of pictures, as people really have them, to one array and back.

The functions here know files and arrays; `ganlib.data` wraps them in `Images`.
"""

import contextlib
import hashlib
import json
import math
import os
import shutil
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from ganlib import _checks, _files
from ganlib.data import _entries

try:
    import fcntl
except ImportError:  # pragma: no cover  (Windows)
    fcntl = None

# Pillow looks at the contents and not at the suffix. Its other readers stay closed: one of them
# starts Ghostscript on whatever lies in a file.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF")

PHOTOMETRIC = 262  # a tag of TIFF: at 0, white is 0
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
    """Says that picture files could not be decoded, or folders not be read.

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
    return _look_into(_existing_folder(path))[0]


def _look_into(root: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the picture files below a folder, and the folders that cannot be read with reasons.

    Both are relative to the root.
    """
    errors: list[tuple[Path, OSError]] = []
    files = [file.relative_to(root) for file in _entries.walk(root, errors)]
    unread = [(folder.relative_to(root), _reason(error)) for folder, error in errors]
    if not files:
        closed = f" in what can be read of it ({_listed(unread)} cannot)" if unread else ""
        raise ValueError(
            f"received the folder {_files.readable(str(root))}, which holds no pictures{closed}; "
            f"expected files ending in {' '.join(sorted(_entries.SUFFIXES))}. Put them into the "
            "folder itself or into one sub-folder per class."
        )
    return files, unread


def read(path, form: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray | None, tuple]:
    """Read every picture below a folder; see `ganlib.data.load_folder` for the rules.

    Args:
        path: the folder.
        form: (image_size, image_size, channels).

    Returns:
        Images, uint8 `(n, *form)`; labels, int64 `(n,)` or None; and the class names.
    """
    root = _existing_folder(path)
    files, unread = _look_into(root)
    images, done = np.empty((len(files), *form), np.uint8), np.zeros(len(files), bool)
    skipped = _decode_all(root, files, images, done)
    _report(root, skipped, len(files), unread)
    if skipped:
        images = images[done]
    return images, *_classes(root, _kept(root, files, skipped))


def open_mapped(path, form: tuple[int, int, int], cache: Path) -> tuple:
    """Open a folder as one mapped file; see `ganlib.data.open_folder` for the rules.

    Returns:
        As `read`, but the images are a `numpy.memmap`.
    """
    root = _existing_folder(path)
    files, unread = _look_into(root)
    target = cache / f"{_key(root, files, form)}.uint8"
    _make(cache)
    with _locked(target.with_suffix(".lock")):
        if _skipped_in(target, len(files), form) is None:
            _build(root, files, form, target)
        skipped = _skipped_in(target, len(files), form)
    _report(root, skipped, len(files), unread)
    kept = _kept(root, files, skipped)
    images = np.memmap(target, np.uint8, "r", shape=(len(kept), *form))
    return images, *_classes(root, kept)


def _make(cache: Path) -> None:
    """Make the cache folder; where it cannot be written, say how to choose another."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache).close()
    except OSError as error:
        raise OSError(
            error.errno,
            f"the cache folder {cache} cannot be written ({_reason(error)}). Pass another one as "
            "cache, or name one in the environment variable XDG_CACHE_HOME",
        ) from error


def _key(root: Path, files: list[Path], form: tuple[int, int, int]) -> str:
    """Return a hash of where the folder is, of what tells its files from others, and of the form.

    Copied and unpacked files may agree with others in name, size and time of modification. So it
    takes the place of the folder in, and each file's number and time of change, which no program
    sets at will.
    """
    digest = hashlib.sha256(repr((_FORMAT, form, os.fsencode(root.resolve()))).encode())
    for file in files:
        about = ()
        with contextlib.suppress(OSError):  # a link to nowhere is skipped later, by name
            found = (root / file).stat()
            about = found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
        digest.update(repr((os.fsencode(file), *about)).encode())
    return digest.hexdigest()[:32]


def _skipped_in(target: Path, num_files: int, form: tuple[int, int, int]) -> list | None:
    """Return what was skipped for a file of pixels, or None where that file is not there whole."""
    try:  # the list is written last: where it is, all is, unless somebody deleted a part
        names = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        num_bytes = target.stat().st_size
    except (FileNotFoundError, ValueError):
        return None
    if num_bytes != math.prod((num_files - len(names), *form)):
        return None
    return [(Path(name), reason) for name, reason in names]


def _build(root: Path, files: list[Path], form: tuple[int, int, int], target: Path) -> None:
    """Decode all files into `target`, and write the list of the skipped ones beside it."""
    partial, state = target.with_suffix(".part"), target.with_suffix(".state")
    num_bytes = math.prod((len(files), *form))
    resumed = _has_size(partial, num_bytes) and _has_size(state, len(files))
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


def _has_size(file: Path, num_bytes: int) -> bool:
    return file.exists() and file.stat().st_size == num_bytes


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
    silent = len(pending) < SHOW_PROGRESS or sys.stderr is None  # as a service may have none
    bar = tqdm(total=len(pending), unit="picture", disable=silent)
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
            f"received {len(files)} picture files in {_files.readable(str(root))}, none of which "
            f"could be decoded (the first is {_listed(skipped[:1])}); expected at least one. Save "
            "them anew as PNG or JPEG, or change who may read them."
        )
    broken = {name for name, _ in skipped}
    return [file for file in files if file not in broken]


def write(path, images: np.ndarray, folders: list[str]) -> None:
    """Write one PNG per image into `path/<folder>/`; an empty folder name means `path` itself."""
    root = _checks.path("path", path)
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(f"{root} is a file: expected the path of a new or empty folder")
    if root.is_dir() and any(_entries.would_mix(entry) for entry in root.iterdir()):
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


def _existing_folder(path) -> Path:
    root = _checks.path("path", path)
    if not root.exists():
        raise FileNotFoundError(f"there is no folder {root} (looked from {Path.cwd()})")
    if not root.is_dir():
        raise NotADirectoryError(
            f"{root} is a file: expected a folder of pictures. Unpack an archive first"
        )
    return root


@contextlib.contextmanager
def _quiet_pillow():
    """Turn Pillow's mild remarks off, and its remark about a decompression bomb into an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _decode(file: Path, image_size: int, channels: int) -> np.ndarray:
    """Return one picture, uint8 `(image_size, image_size, channels)`."""
    if file.suffix.lower() in _entries.UNREAD_SUFFIXES:
        raise OSError("a format that is not read here")
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
    """Map 0..65535 to 0..255. Mode "I" has 32 bits, but 16-bit files are read into it too.

    In X-rays on TIFF, 0 is often white.
    """
    values = np.asarray(picture).astype(np.int64)
    if getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == 0:  # of 8 bits Pillow sees to it itself
        values = 65_535 - values
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
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # the path, which str(error) adds, stands beside it
    return _files.readable(str(error)) or type(error).__name__


def _listed(paths: list[tuple[Path, str]]) -> str:
    names = [f"{_files.readable(str(path))} ({reason})" for path, reason in paths[:MAX_NAMES]]
    if len(paths) > MAX_NAMES:
        names.append(f"and {len(paths) - MAX_NAMES} more")
    return ", ".join(names)


def _report(
    root: Path,
    skipped: list[tuple[Path, str]],
    num_files: int,
    unread: list[tuple[Path, str]],
) -> None:
    """Warn of files and folders that were left out, if there are any."""
    place, parts = _files.readable(str(root)), []
    if skipped:
        parts.append(
            f"skipped {len(skipped)} of {num_files} picture files in {place} that could not be "
            f"decoded: {_listed(skipped)}"
        )
    if unread:
        parts.append(f"left out what lies in {place} but could not be read: {_listed(unread)}")
    if parts:
        message = SkippedFilesWarning("; ".join(parts), [*skipped, *unread])
        warnings.warn(message, stacklevel=4)


def _classes(root: Path, names: list[Path]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return labels and class names from relative paths: the first folder is the class."""
    num_in_root = sum(len(name.parts) == 1 for name in names)
    if num_in_root == len(names):
        return None, ()
    if num_in_root:
        warnings.warn(
            f"{num_in_root} of {len(names)} pictures lie directly in "
            f"{_files.readable(str(root))}, beside sub-folders: all are loaded, without labels. "
            "For labels, move them into class folders",
            stacklevel=4,
        )
        return None, ()
    folders = [name.parts[0] for name in names]
    class_names = tuple(sorted(set(folders)))
    numbers = {name: number for number, name in enumerate(class_names)}
    return np.array([numbers[folder] for folder in folders], np.int64), class_names
