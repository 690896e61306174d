"""Files are written whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ganlib import _files

ROOT = Path(__file__).resolve().parents[1]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("contents", [b"\x00\r\n\xff", "Ω\n", ""])
def test_contents_are_written_as_they_are_and_replace_older_ones(tmp_path, contents):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old and longer than the new one")
    _files.write(path, contents)
    assert path.read_bytes() == (
        contents.encode("utf-8") if isinstance(contents, str) else contents
    )
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with _files.whole(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert (names(tmp_path), path.read_text()) == (["a.txt"], "old")


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_what_cannot_be_flushed_or_renamed_is_not_there(tmp_path, monkeypatch, name):
    def failing(*arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr(_files.os, name, failing)
    with pytest.raises(OSError, match="no space"):
        _files.write(tmp_path / "a.txt", "new")
    assert names(tmp_path) == []


def test_contents_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(_files.os, name, lambda *a, n=name, f=real: (done.append(n), f(*a)))
    _files.write(tmp_path / "a.txt", "new")
    assert done == ["fsync", "replace", "fsync"]  # the file, its name, the folder


def test_the_old_file_is_read_until_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with _files.whole(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path
    assert path.read_text() == "new"


def test_a_temporary_name_is_hidden_its_own_and_taken_for_no_finished_file(tmp_path):
    found = set()
    for _ in range(3):
        with _files.whole(tmp_path / "run.json") as temporary:
            temporary.write_text("{}")
            found.add(temporary.name)
            assert list(tmp_path.glob("*.json")) == list(tmp_path.glob("run.json"))
    assert len(found) == 3
    assert all(name.startswith(".run.json.") and name.endswith(".tmp") for name in found)


def test_a_writer_that_goes_by_the_suffix_gets_it(tmp_path):
    with _files.whole(tmp_path / "a.keras", keep_suffix=True) as temporary:
        temporary.write_text("x")
        assert temporary.suffix == ".keras"
    assert names(tmp_path) == ["a.keras"]


def test_a_folder_is_tried(tmp_path, monkeypatch):
    _files.require_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []

    def denied(self, data):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", denied)
    with pytest.raises(PermissionError, match=r"nothing can be written in .*\(Permission denied\)"):
        _files.require_writable(tmp_path)


def test_a_folder_is_held_until_the_process_ends_however_it_ends(tmp_path):
    program = (
        "import os, signal, sys\nfrom ganlib import _files\n"
        "with _files.alone(sys.argv[1]):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "run")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(OSError, match="another process is at work"):  # noqa: SIM117
            with _files.alone(tmp_path / "run"):
                pass
        process.kill()
    with _files.alone(tmp_path / "run"), _files.alone(tmp_path / "other"):
        assert list((tmp_path / "run").iterdir()) == []


def test_a_folder_that_cannot_be_held_is_used_all_the_same(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(_files.fcntl, "flock", no_locks)
    with _files.alone(tmp_path), _files.alone(tmp_path):
        pass


def test_of_two_that_write_one_folder_the_second_is_refused(tmp_path):

    def too_late():
        with _files.new_folder(tmp_path / "drawn") as folder:
            (folder / "a.txt").write_text("second")
            (tmp_path / "drawn").mkdir()
            (tmp_path / "drawn" / "a.txt").write_text("first")

    with pytest.raises(FileExistsError, match="is there already"):
        too_late()
    assert [path.read_text() for path in tmp_path.rglob("*.txt")] == ["first"]


def test_a_tilde_is_the_home_folder_where_there_is_one(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: str(path).replace("~/", "/home/me/"))
    assert _files.expanded("~/a") == Path("/home/me/a")
    monkeypatch.setattr(os.path, "expanduser", str)
    assert _files.expanded("~a.txt") == Path("~a.txt")
    with pytest.raises(OSError, match="no home folder for ~/a"):
        _files.expanded("~/a")


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        _files.write(tmp_path / "none" / "a.txt", "new")


def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    program = (
        "import os, signal, sys\nfrom ganlib import _files\n"
        "with _files.whole(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        (b"caf\xe9 \xff", "caf%E9 %FF"),
        ("猫 %E9".encode(), "猫 %E9"),
        ("a\ud800", "a\N{REPLACEMENT CHARACTER}"),  # half a pair of UTF-16, from Windows
        ("b\udc7f", "b\N{REPLACEMENT CHARACTER}"),  # no byte: those below 0x80 are ASCII
    ],
)
def test_names_that_utf_8_cannot_hold_are_written(tmp_path, name, readable):
    name = os.fsdecode(name) if isinstance(name, bytes) else name
    assert _files.readable(name) == readable
    _files.write(tmp_path / "a.txt", f"class {name}\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == f"class {readable}\n"


def test_a_folder_comes_whole_or_not_at_all(tmp_path):

    def stopped_halfway():
        with _files.new_folder(tmp_path / "drawn") as folder:
            (folder / "a.txt").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped_halfway()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "drawn").mkdir()  # an empty one will do
    with _files.new_folder(tmp_path / "drawn") as folder:
        (folder / "a.txt").write_text("whole")
    assert [path.read_text() for path in tmp_path.rglob("*.txt")] == ["whole"]
    with pytest.raises(FileExistsError, match="is there already"):  # noqa: SIM117
        with _files.new_folder(tmp_path / "drawn"):
            pass
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match="is there already"):  # noqa: SIM117
        with _files.new_folder(tmp_path / "link"):
            pass
