"""A folder on the disk as one mapped file: the same images, decoded once, whatever interrupts."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from ganlib.data import SkippedFilesWarning, _folders, load_folder, open_folder

NUM_PICTURES = 600  # more than two parts of 256


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two classes of pictures, each of a colour of its own, and nothing broken."""
    root = tmp_path_factory.mktemp("pictures")
    for number in range(NUM_PICTURES):
        path = root / "ab"[number % 2] / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (6, 9), (number % 256, number // 256, 7)).save(path)
    return root


@pytest.fixture
def few(tmp_path):
    """Five pictures, of which the first and the fourth are broken."""
    root = tmp_path / "few"
    root.mkdir()
    for number in range(5):
        Image.new("L", (8, 8), 10 * number).save(root / f"{number}.png")
    for number in (0, 3):
        (root / f"{number}.png").write_bytes(b"no picture")
    for file in root.iterdir():
        os.utime(file, ns=(0, 0))
    return root


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files as they are decoded."""
    names, decode = [], _folders._decode

    def record(file, *form):
        names.append(file.name)
        return decode(file, *form)

    monkeypatch.setattr(_folders, "_decode", record)
    return names


def assert_same(mapped, loaded):
    np.testing.assert_array_equal(mapped.images, loaded.images)
    np.testing.assert_array_equal(mapped.labels, loaded.labels)
    assert mapped.class_names == loaded.class_names


def test_an_opened_folder_holds_what_a_loaded_one_does(pictures, tmp_path):
    mapped = open_folder(pictures, 4, 3, cache=tmp_path / "new" / "cache")
    assert isinstance(mapped.images, np.memmap)
    assert not mapped.images.flags.writeable
    assert_same(mapped, load_folder(pictures, 4, 3))
    assert mapped.images[0, 0, 0].tolist() == [0, 0, 7]
    assert len(mapped[mapped.labels == 1]) == NUM_PICTURES / 2


def test_broken_pictures_are_left_out_and_named_each_time(few, tmp_path):
    with pytest.warns(SkippedFilesWarning) as loading:
        loaded = load_folder(few, 8, 1)
    for _ in range(2):  # decoded, and then from the cache
        with pytest.warns(SkippedFilesWarning) as opening:
            mapped = open_folder(few, 8, 1, cache=tmp_path)
        assert_same(mapped, loaded)
        assert opening[0].message.files == loading[0].message.files
        assert opening[0].filename == __file__
    assert mapped.images[:, 0, 0, 0].tolist() == [10, 20, 40]


def test_the_second_time_nothing_is_decoded_by_whatever_name(pictures, tmp_path, decoded):
    link = tmp_path / "link"
    link.symlink_to(pictures)
    open_folder(pictures, 4, cache=tmp_path)
    assert len(decoded) == NUM_PICTURES
    open_folder(pictures, 4, cache=tmp_path)
    open_folder(link, 4, cache=tmp_path)
    open_folder(os.path.relpath(pictures), 4, cache=tmp_path)
    assert len(decoded) == NUM_PICTURES


def _pair(tmp_path, suffix):
    """Two folders whose files agree in name, size and time, but not in colour."""
    for folder, colour in (("inputs", (255, 0, 0)), ("targets", (0, 0, 255))):
        (tmp_path / folder).mkdir()
        for number in range(3):
            path = tmp_path / folder / f"{number}.{suffix}"
            Image.new("RGB", (8, 8), colour).save(path)
            os.utime(path, ns=(10**18, 10**18))  # as tar and rsync leave them
    return tmp_path / "inputs", tmp_path / "targets"


def _blue(folder, cache):
    return int(open_folder(folder, 8, cache=cache).images[0, 0, 0, 2])


@pytest.mark.parametrize("suffix", ["bmp", "tif"])
def test_folders_that_agree_in_names_sizes_and_times_share_nothing(tmp_path, suffix):
    inputs, targets = _pair(tmp_path, suffix)
    assert [_blue(inputs, tmp_path), _blue(targets, tmp_path), _blue(inputs, tmp_path)] == [
        0,
        255,
        0,
    ]


def test_a_folder_that_took_the_place_of_another_is_decoded_anew(tmp_path):
    inputs, targets = _pair(tmp_path, "bmp")
    assert _blue(inputs, tmp_path) == 0
    inputs.rename(tmp_path / "old")
    targets.rename(inputs)
    assert _blue(inputs, tmp_path) == 255


def test_a_file_that_took_the_place_of_another_is_decoded_anew(tmp_path):
    inputs, targets = _pair(tmp_path, "bmp")
    assert _blue(inputs, tmp_path) == 0
    (targets / "0.bmp").replace(inputs / "0.bmp")
    assert _blue(inputs, tmp_path) == 255


@pytest.mark.filterwarnings("ignore::ganlib.data.SkippedFilesWarning")
@pytest.mark.parametrize("loss", ["removed", "cut", "no list"])
def test_a_cache_of_which_a_part_is_lost_is_made_again(few, tmp_path, loss):
    open_folder(few, 8, 1, cache=tmp_path)
    (file,) = tmp_path.glob("*.uint8")
    if loss == "cut":
        os.truncate(file, 64)
    else:
        (file if loss == "removed" else file.with_suffix(".json")).unlink()
    assert open_folder(few, 8, 1, cache=tmp_path).images[:, 0, 0, 0].tolist() == [10, 20, 40]


def test_a_cache_that_cannot_be_written_names_the_way_out(few, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"file/ganlib cannot be written .* XDG_CACHE_HOME"):
        open_folder(few, 8)


def test_decoding_shows_no_bar_where_there_is_no_terminal(few, tmp_path, monkeypatch):
    monkeypatch.setattr(_folders, "SHOW_PROGRESS", 1)
    monkeypatch.setattr(sys, "stderr", None)
    (few / "0.png").unlink()
    (few / "3.png").unlink()
    assert len(open_folder(few, 8, cache=tmp_path)) == 3


def _rewrite(root):
    Image.new("L", (8, 8), 200).save(root / "1.png")
    os.utime(root / "1.png", ns=(1, 1))


def _add(root):
    Image.new("L", (8, 8), 200).save(root / "9.png")


def _rename(root):
    (root / "1.png").rename(root / "7.png")


def _rename_in_place(root):
    """The order stays, and the list of what was skipped does not fit any more."""
    (root / "3.png").rename(root / "3b.png")


@pytest.mark.filterwarnings("ignore::ganlib.data.SkippedFilesWarning")
@pytest.mark.parametrize(
    "change", [_rewrite, _add, _rename, _rename_in_place, lambda root: (root / "1.png").unlink()]
)
def test_a_changed_folder_is_decoded_anew(few, tmp_path, change):
    before = open_folder(few, 8, 1, cache=tmp_path)
    change(few)
    after = open_folder(few, 8, 1, cache=tmp_path)
    assert_same(after, load_folder(few, 8, 1))
    assert before.images[:, 0, 0, 0].tolist() == [10, 20, 40]  # still open, and as it was


@pytest.mark.filterwarnings("ignore::ganlib.data.SkippedFilesWarning")
def test_each_size_and_number_of_channels_has_a_file_of_its_own(few, tmp_path):
    shapes = [open_folder(few, s, c, tmp_path).images.shape for s, c in ((8, 1), (4, 1), (8, 3))]
    assert shapes == [(3, 8, 8, 1), (3, 4, 4, 1), (3, 8, 8, 3)]
    assert len(list(tmp_path.glob("*.uint8"))) == 3


def test_the_cache_is_in_the_users_own_by_default(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    open_folder(pictures, 2)
    assert len(list((tmp_path / "ganlib").glob("*.uint8"))) == 1


def test_an_interrupted_decoding_goes_on_where_it_stopped(pictures, tmp_path, monkeypatch, decoded):
    interrupted, record = [], _folders._decode

    def interrupt(file, *form):
        if len(decoded) == 400:
            interrupted.append(file.name)
            raise KeyboardInterrupt
        return record(file, *form)

    with monkeypatch.context() as patch:
        patch.setattr(_folders, "_decode", interrupt)
        with pytest.raises(KeyboardInterrupt):
            open_folder(pictures, 4, cache=tmp_path)
    assert len(decoded) == 400
    assert not list(tmp_path.glob("*.json"))
    mapped = open_folder(pictures, 4, cache=tmp_path)
    assert len(decoded) == len(set(decoded)) == NUM_PICTURES
    assert_same(mapped, load_folder(pictures, 4))


def test_a_killed_process_leaves_what_it_decoded(pictures, tmp_path, decoded):
    program = (
        "import sys, time\n"
        "from ganlib import data\n"
        "from ganlib.data import _folders as folders\n"
        "decode = folders._decode\n"
        "begun = []\n"
        "def some(*args):\n"  # the others wait for the kill
        "    begun.append(args)\n"
        "    if len(begun) > 100:\n"
        "        time.sleep(3600)\n"
        "    return decode(*args)\n"
        "folders._decode = some\n"
        "data.open_folder(sys.argv[1], 4, cache=sys.argv[2])\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(pictures), str(tmp_path)]) as process:
        while process.poll() is None:
            states = list(tmp_path.glob("*.state"))
            if states and np.fromfile(states[0], bool).sum() >= 50:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    mapped = open_folder(pictures, 4, cache=tmp_path)
    assert 0 < len(decoded) <= NUM_PICTURES - 50
    assert_same(mapped, load_folder(pictures, 4))


@pytest.mark.filterwarnings("ignore::ganlib.data.SkippedFilesWarning")
@pytest.mark.parametrize("name", ["truncate", "replace"])
def test_an_interruption_while_rows_move_starts_anew(few, tmp_path, monkeypatch, name):
    def fail(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        owner = _folders.os if name == "truncate" else _folders.Path
        patch.setattr(owner, name, fail)
        with pytest.raises(KeyboardInterrupt):
            open_folder(few, 8, 1, cache=tmp_path)
    assert open_folder(few, 8, 1, cache=tmp_path).images[:, 0, 0, 0].tolist() == [10, 20, 40]


def test_two_at_once_decode_once(pictures, tmp_path, decoded):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(open_folder(pictures, 4, cache=tmp_path)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decoded) == NUM_PICTURES
    assert_same(*results)


def test_too_little_space_is_said_before_anything_is_written(pictures, tmp_path, monkeypatch):
    usage = type(_folders.shutil.disk_usage(tmp_path))(10**12, 10**12, 28_000)
    monkeypatch.setattr(_folders.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"600 pictures take 28,800 bytes, but 28,000 are free"):
        open_folder(pictures, 4, cache=tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_a_folder_of_broken_pictures_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"received 1 picture files .* a\.png"):
            open_folder(tmp_path, 8, cache=tmp_path / "cache")


def test_arguments_are_checked_as_for_loading(pictures, tmp_path):
    with pytest.raises(ValueError, match="channels=2"):
        open_folder(pictures, 8, 2, cache=tmp_path)
    with pytest.raises(ValueError, match="image_size=0"):
        open_folder(pictures, 0, cache=tmp_path)
    with pytest.raises(FileNotFoundError):
        open_folder(tmp_path / "nowhere", cache=tmp_path)
