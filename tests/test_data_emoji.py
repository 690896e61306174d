"""The emoji faces: which ones, what their pictures are, and that the sheet needs no font."""

import hashlib
import socket
import unicodedata

import numpy as np
import pytest
from matplotlib import font_manager
from PIL import ImageFont

from ganlib import data
from ganlib.data import _emoji as emoji
from tools import emoji_sheet


def test_faces_are_99_and_unicode_calls_them_faces():
    faces = emoji_sheet.FACES
    assert len(faces) == len(set(faces)) == emoji.NUM_FACES == 99
    assert list(faces) == sorted(faces)
    # A Python older than the Unicode standard of a face has no name for it.
    names = [unicodedata.name(face, "FACE") for face in faces]
    others = [name for name in names if "FACE" not in name]
    assert others == ["ROLLING ON THE FLOOR LAUGHING"]


def test_what_is_left_out_lies_in_the_runs_and_has_a_reason():
    in_runs = {point for first, last in emoji_sheet.RUNS for point in range(first, last + 1)}
    assert set(emoji_sheet.LEFT_OUT) <= in_runs
    assert all(emoji_sheet.LEFT_OUT.values())
    names = {unicodedata.name(chr(point), "") for point in emoji_sheet.LEFT_OUT}
    assert "ROBOT FACE" in names
    assert sum("CAT" in name for name in names) == 9


# Of the pixels as Pillow and FreeType draw them from the font itself, without a sheet in between:
# version 2.042-0+deb12u1 of Debian's package fonts-noto-color-emoji, Pillow 13.0.
SHA256 = {
    16: "777eb0d3a0a3ab7142e7a238d110c7476aca91cbb31e60744efc51e578ea01e6",
    32: "78beeb91b76e64a82d44cec3d5b868dc0af768807f57c7eeace0dc8f7ab986e9",
    64: "345d4ff9b278f200d83c8e2f3722764c5bfc5d57624f7cb86fa1c5e8e2480925",
    128: "5b2257589c97688467fa41caa67a70ca94b082e3b2ea4177b5d26460a104be82",
    136: "71bd5339ba9ca92284894a21e00b323a6ebe5c62dcf29d5ac207f153cedafe37",
    256: "5ade490b6cf692037df58a607412d47875ad15f1e99a085193d6ac1e8f7f11aa",
}


@pytest.mark.parametrize("image_size", SHA256)
def test_pictures_are_those_that_the_font_draws_bit_for_bit(image_size):
    images = data.load_emoji(image_size).images
    assert (images.dtype, images.shape) == (np.uint8, (99, image_size, image_size, 3))
    assert hashlib.sha256(images.tobytes()).hexdigest() == SHA256[image_size]


def test_faces_are_round_yellow_and_in_the_middle_of_white():
    images = data.load_emoji(image_size=64)
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


def test_no_two_faces_are_equal():
    images = data.load_emoji(image_size=32).images
    assert len({image.tobytes() for image in images}) == 99


def test_neither_a_font_nor_a_network_is_needed(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("there is none")

    monkeypatch.setattr(ImageFont, "truetype", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    for name in ("HOME", "KERAS_HOME", "GANLIB_DATA"):
        monkeypatch.setenv(name, str(tmp_path))
    assert len(data.load_emoji()) == 99
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("image_size", [0, -3, 2.5, "64"])
def test_unfit_size_is_refused(image_size):
    with pytest.raises(ValueError, match=r"expected an integer .* such as 64"):
        data.load_emoji(image_size)


def test_licence_of_the_font_stands_beside_the_sheet():
    text = (emoji.SHEET.parent / "OFL.txt").read_text(encoding="utf-8")
    assert text.startswith("Copyright 2022 Google Inc.\n")
    assert "SIL OPEN FONT LICENSE Version 1.1 - 26 February 2007" in text
    assert text.rstrip().endswith("OTHER DEALINGS IN THE FONT SOFTWARE.")


# How the sheet is made.


def test_faces_come_out_of_the_sheet_in_the_order_in_which_they_went_in(tmp_path, monkeypatch):
    colours = np.random.default_rng(0).integers(0, 256, (99, 1, 1, 3), np.uint8)
    faces = np.tile(colours, (1, 136, 136, 1))
    emoji_sheet.write(faces, tmp_path / "faces.webp")
    monkeypatch.setattr(emoji, "SHEET", tmp_path / "faces.webp")
    np.testing.assert_array_equal(emoji.load(136), faces)


def test_another_font_is_refused(tmp_path, monkeypatch):
    font = font_manager.findfont("DejaVu Sans")
    monkeypatch.setattr("sys.argv", ["emoji_sheet.py", font])
    monkeypatch.setattr(emoji_sheet, "SHEET", tmp_path / "faces.webp")
    with pytest.raises(SystemExit, match=r"has SHA-256 \w{64}, expected \w{64}\. Take the font"):
        emoji_sheet.main()
    assert list(tmp_path.iterdir()) == []
