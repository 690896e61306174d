"""The emoji faces: which ones, how they are drawn, and where the font comes from."""

import functools
import http.server
import io
import shutil
import subprocess
import threading
import unicodedata

import numpy as np
import pytest
from fontTools import ttLib
from PIL import Image

from ganlib import data
from ganlib.data import _downloads as downloads
from ganlib.data import _emoji as emoji

GIT = shutil.which("git")  # before a test changes the path


def _has_bitmaps(path):
    """Of a newer kind of the font, which has outlines, Pillow draws nothing."""
    with ttLib.TTFont(path, lazy=True) as tables:
        return "CBDT" in tables


HERE = [path for path in emoji.candidates() if _has_bitmaps(path)]
needs_font = pytest.mark.skipif(not HERE, reason="no Noto Color Emoji on this machine: make data")


def test_faces_are_99_and_unicode_calls_them_faces():
    assert len(emoji.FACES) == len(set(emoji.FACES)) == 99
    assert list(emoji.FACES) == sorted(emoji.FACES)
    # A Python older than the Unicode standard of a face has no name for it.
    names = [unicodedata.name(face, "FACE") for face in emoji.FACES]
    others = [name for name in names if "FACE" not in name]
    assert others == ["ROLLING ON THE FLOOR LAUGHING"]


def test_what_is_left_out_lies_in_the_runs_and_has_a_reason():
    in_runs = {point for first, last in emoji.RUNS for point in range(first, last + 1)}
    assert set(emoji.LEFT_OUT) <= in_runs
    assert all(emoji.LEFT_OUT.values())
    names = {unicodedata.name(chr(point), "") for point in emoji.LEFT_OUT}
    assert "ROBOT FACE" in names
    assert sum("CAT" in name for name in names) == 9


@needs_font
def test_faces_are_round_yellow_and_in_the_middle_of_white():
    images = data.load_emoji(image_size=64)
    assert images.images.shape == (99, 64, 64, 3)
    assert images.images.dtype == np.uint8
    assert (images.labels, images.class_names) == (None, ())
    typical = np.median(images.images, axis=0)
    assert (typical[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    red, green, blue = typical[10, 32]  # the forehead
    assert red > 220
    assert 160 < green < 230
    assert blue < 110
    inked = np.argwhere(typical.min(axis=-1) < 200)
    top, left = inked.min(axis=0)
    bottom, right = inked.max(axis=0)
    assert abs(top + bottom - 63) <= 3
    assert abs(left + right - 63) <= 3


@needs_font
def test_no_two_faces_are_equal():
    images = data.load_emoji(image_size=32).images
    assert len({image.tobytes() for image in images}) == 99


@needs_font
def test_face_is_the_bitmap_that_the_font_holds():
    """Expected: the PNG that fontTools, which Matplotlib brings, takes out of the font's tables."""
    with ttLib.TTFont(HERE[0], lazy=True) as table:
        name = table.getBestCmap()[ord(emoji.FACES[5])]
        stored = table["CBDT"].strikeData[0][name].imageData
    white = Image.new("RGBA", (136, 136), "white")
    with Image.open(io.BytesIO(stored)) as bitmap:
        white.alpha_composite(bitmap.convert("RGBA"), (0, 4))
    drawn = emoji.draw(HERE[0], 136)[5].astype(int)
    np.testing.assert_allclose(drawn, np.asarray(white.convert("RGB")), atol=2)


@pytest.mark.parametrize("image_size", [0, -3, 2.5, "64"])
def test_unfit_size_is_refused(image_size):
    with pytest.raises(ValueError, match="expected a positive integer"):
        data.load_emoji(image_size)


# Where the font comes from; the server is a real one on the loopback.


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without the font; returns the folder in which a download would be kept."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    monkeypatch.delenv("GANLIB_DATA", raising=False)
    monkeypatch.setattr(emoji, "SYSTEM_FOLDERS", (str(tmp_path / "fonts"),))
    monkeypatch.setattr(emoji, "FONT", _font_at("http://127.0.0.1:9/"))  # nobody listens there
    return tmp_path / "keras" / "datasets" / "noto-emoji"


def _font_at(url):
    return downloads.Source("The font Noto Color Emoji", "noto-emoji", url, "fonts-toy")


@pytest.fixture
def server(bare, tmp_path, monkeypatch):
    """Serves a folder in the place of the font's project; returns the folder."""
    served = tmp_path / "served"
    served.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Handler, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(emoji, "FONT", _font_at(f"http://127.0.0.1:{running.server_port}/"))
        yield served
        running.shutdown()
        thread.join()


@needs_font
def test_missing_font_is_downloaded_checked_and_kept(server, bare, monkeypatch, capsys):
    shutil.copyfile(HERE[0], server / emoji.FILE)
    command = [GIT, "hash-object", str(HERE[0])]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    monkeypatch.setattr(emoji, "GIT_HASH", found)
    assert emoji.font() == bare / emoji.FILE
    assert "Downloading http://127.0.0.1" in capsys.readouterr().out
    (server / emoji.FILE).unlink()
    assert emoji.font() == bare / emoji.FILE  # from now on without the server


@needs_font
def test_other_bytes_than_the_release_are_refused_and_not_kept(server, bare):
    shutil.copyfile(HERE[0], server / emoji.FILE)
    with (server / emoji.FILE).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(FileNotFoundError, match=r"is not the expected file: .* Git hash"):
        emoji.font()
    assert list(bare.iterdir()) == []


def test_without_network_the_error_names_the_ways_out(bare):
    with pytest.raises(FileNotFoundError) as caught:
        emoji.font()
    for way in ("refused", "python -m ganlib.data", "apt-get install fonts-toy", "GANLIB_DATA"):
        assert way in str(caught.value)


@needs_font
def test_font_of_the_system_and_of_ganlib_data_is_found(bare, tmp_path, monkeypatch):
    deep = tmp_path / "fonts" / "truetype" / "noto"
    deep.mkdir(parents=True)
    shutil.copyfile(HERE[0], deep / emoji.FILE)
    assert emoji.font() == deep / emoji.FILE
    own = tmp_path / "own"
    own.mkdir()
    shutil.copyfile(HERE[0], own / emoji.FILE)
    monkeypatch.setenv("GANLIB_DATA", str(own))
    assert emoji.font() == own / emoji.FILE


def test_font_that_draws_no_colours_is_passed_over_with_the_reason(bare, tmp_path):
    from matplotlib import font_manager

    folder = tmp_path / "fonts"
    folder.mkdir()
    shutil.copyfile(font_manager.findfont("DejaVu Sans"), folder / emoji.FILE)
    with pytest.raises(FileNotFoundError, match=r"does not draw 99 of the faces, first U\+2639"):
        emoji.font()


def test_damaged_font_is_passed_over_with_the_reason(bare, tmp_path):
    folder = tmp_path / "fonts"
    folder.mkdir()
    (folder / emoji.FILE).write_bytes(b"no font")
    with pytest.raises(FileNotFoundError, match="cannot be read"):
        emoji.font()
