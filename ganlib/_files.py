"""Files that are written whole or not at all, also where the process is killed meanwhile."""

import contextlib
import os
import pathlib
import re
import shutil
import tempfile
import uuid

try:
    import fcntl
except ImportError:  # pragma: no cover  (Windows)
    fcntl = None

# What Python makes of a byte that is no UTF-8, from U+DC80 on, and halves of a pair in UTF-16.
_SURROGATES = re.compile("[\ud800-\udfff]")


def expanded(path):
    """A path with ``~`` for the home folder, as a shell has it.

    Args:
        path: str or path.

    Returns:
        ``pathlib.Path``.

    Raises:
        OSError: if it begins with ``~`` and nobody knows the home folder.

    Example:
        >>> expanded("~/runs") == pathlib.Path.home() / "runs"
        True
    """
    path = pathlib.Path(os.path.expanduser(path))
    if path.parts[:1] == ("~",):  # or a folder of that name would be made
        raise OSError(f"there is no home folder for {path}. Set HOME, or give the path in full.")
    return path


def require_writable(folder):
    """Makes a folder if it is missing, and tries to write in it.

    Args:
        folder: a path.

    Raises:
        OSError: if that fails, of the kind that the system's error has.

    Example:
        >>> import tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp()) / "runs" / "a"
        >>> require_writable(folder)
        >>> list(folder.iterdir())
        []
    """
    trial = expanded(folder) / f".{uuid.uuid4().hex[:12]}.tmp"
    try:
        trial.parent.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"trial")
        trial.unlink()
    except OSError as error:
        raise type(error)(
            error.errno,
            f"nothing can be written in {trial.parent} ({error.strerror}). Give another folder, or "
            "change who may write there",
        ) from error


@contextlib.contextmanager
def alone(folder):
    """Holds a folder for one process at a time: two that write one run would spoil it.

    The system lets go when the process ends, however it ends, and nothing is left in the folder.
    Where folders cannot be held (on Windows, on some network drives) nobody is kept out.

    Args:
        folder: a path; made if missing.

    Raises:
        OSError: if another process holds it, or it cannot be made.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> with alone(folder):
        ...     with alone(folder):  # as another process would
        ...         pass
        Traceback (most recent call last):
            ...
        BlockingIOError: ...
    """
    require_writable(folder)
    if fcntl is None:  # pragma: no cover
        yield
        return
    descriptor = os.open(expanded(folder), os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise type(error)(
                error.errno,
                f"another process is at work in {expanded(folder)}, and two would spoil it. Wait "
                "until it ends, or give another folder",
            ) from error
        except OSError:  # a drive that knows no such lock
            pass
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def whole(path, *, keep_suffix=False):
    """Gives a temporary path beside a file, and moves what was written there into its place.

    At the end of the block the temporary file is flushed to the disk and renamed, which is atomic:
    a reader sees the old file or the new one, never a part. After an error, or Ctrl-C, the old file
    stands as it was and the temporary one is removed. Only a process that is killed leaves one
    behind: ``.NAME.RANDOM.tmp``, which nobody takes for the file itself.

    Args:
        path: the file; its folder must exist.
        keep_suffix: whether the temporary name ends as the file's does, for writers that choose
            the format by it.

    Yields:
        The temporary ``pathlib.Path``. The block must create this file, and close it.

    Raises:
        OSError: if the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "numbers.txt"
        >>> with whole(path) as temporary:
        ...     _ = temporary.write_text("1 2 3")
        ...     path.exists()
        False
        >>> path.read_text()
        '1 2 3'
    """
    path = expanded(path)
    ending = f".tmp{path.suffix}" if keep_suffix else ".tmp"
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{ending}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:  # Windows flushes only what is open for writing
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def write(path, contents):
    """Writes a file whole or not at all.

    Args:
        path: the file; its folder must exist.
        contents: bytes, or a string, which is written as UTF-8 with its line ends as they are. What
            UTF-8 cannot hold is written as `readable` shows it.

    Raises:
        OSError: if the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "name.txt"
        >>> write(path, "Goodfellow")
        >>> path.read_bytes()
        b'Goodfellow'
    """
    with whole(path) as temporary:
        is_text = isinstance(contents, str)
        temporary.write_bytes(readable(contents).encode() if is_text else contents)


@contextlib.contextmanager
def new_folder(path):
    """Gives an empty folder beside the one that is wanted, and moves it there when all is written.

    Args:
        path: the folder, which is missing or empty.

    Yields:
        The ``pathlib.Path`` to write into. After an error it is removed, with all that is in it.

    Raises:
        FileExistsError: if something is there already.
        OSError: if nothing can be written beside it.

    Example:
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "drawn"
        >>> with new_folder(path) as folder:
        ...     _ = (folder / "a.txt").write_text("1")
        ...     path.exists()
        False
        >>> [file.name for file in path.iterdir()]
        ['a.txt']
    """
    path = expanded(path).absolute()
    _require_free(path)
    require_writable(path.parent)
    beside = pathlib.Path(tempfile.mkdtemp(prefix=".ganlib-", dir=path.parent))
    try:
        inside = beside / "folder"
        inside.mkdir()
        yield inside
        _require_free(path)  # still: another process may have been quicker
        os.replace(inside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _require_free(path):
    if os.path.lexists(path) and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(
            f"{path} is there already, and is no empty folder. Give the path of a new one, or "
            "delete it"
        )


def readable(text):
    r"""A name of a file as text that can be printed, drawn and written as UTF-8.

    Names on a disk are bytes, and archives from other systems bring some that are no UTF-8. Python
    keeps such bytes in characters that no encoder takes. Here they become ``%D0`` and the like, as
    in an address, so that different names stay different.

    Args:
        text: a string.

    Returns:
        The string, the same where it was readable.

    Example:
        >>> readable(os.fsdecode(b"caf\xe9")), readable("café")
        ('caf%E9', 'café')
    """
    return _SURROGATES.sub(_as_in_an_address, text)


def one_line(text):
    r"""A name or a message as one line of a terminal, which no character in it can disturb.

    Args:
        text: a string, or an object that has words.

    Returns:
        A string: line ends are blanks, and what cannot be printed is a question mark.

    Example:
        >>> one_line("my\npictures \x1b[31m")
        'my pictures ?[31m'
    """
    text = readable(str(text))
    return "".join(c if c.isprintable() else " " if c == "\n" else "?" for c in text)


def _as_in_an_address(match):
    byte = ord(match[0]) - 0xDC00
    return f"%{byte:02X}" if 0x80 <= byte <= 0xFF else "\N{REPLACEMENT CHARACTER}"


def _flush_folder(folder):
    """Makes the renaming itself survive a power cut, where the system can."""
    with contextlib.suppress(OSError):  # Windows cannot open a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
