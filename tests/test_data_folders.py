"""Folders of pictures: every kind that people really have, and the way back to PNG files."""

import errno
import os
import random
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from ganlib.data import (
    Images,
    SkippedFilesWarning,
    list_folder,
    load_digits,
    load_folder,
    open_folder,
    save_folder,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def _save(path, colour=RED, size=(8, 8), **options):
    """Write a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


def _load_one(folder, image_size=8, channels=3):
    images = load_folder(folder, image_size, channels).images
    assert images.shape == (1, image_size, image_size, channels)
    return images[0]


def _assert_colour(pixels, colour, tolerance=0):
    np.testing.assert_allclose(
        pixels.astype(int), np.broadcast_to(colour, pixels.shape), 0, tolerance
    )


# Formats and colour modes. The expected colours are those that the pictures were painted with.


@pytest.mark.parametrize(
    "suffix", ["png", "bmp", "gif", "tif", "webp", "jpg", "jpeg", "PNG", "JPG"]
)
def test_every_common_format_is_read(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    _save(tmp_path / f"picture.{suffix}", RED, **options)
    _assert_colour(_load_one(tmp_path), RED, tolerance=2)  # JPEG is lossy


def test_contents_count_and_not_the_suffix(tmp_path):
    _save(tmp_path / "picture.jpg", GREEN, format="PNG")
    _assert_colour(_load_one(tmp_path), GREEN)


def test_grey_becomes_three_equal_channels(tmp_path):
    Image.new("L", (8, 8), 77).save(tmp_path / "grey.png")
    _assert_colour(_load_one(tmp_path), (77, 77, 77))
    _assert_colour(_load_one(tmp_path, channels=1), 77)


def test_colour_becomes_grey_by_luminance(tmp_path):
    _save(tmp_path / "green.png", GREEN)
    # ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B
    _assert_colour(_load_one(tmp_path, channels=1), round(0.587 * 255))


def test_black_and_white_bitmap_is_read(tmp_path):
    Image.new("1", (8, 8), 1).save(tmp_path / "bits.png")
    _assert_colour(_load_one(tmp_path), WHITE)


def _palette_picture():
    """Left half colour 0 (red), right half colour 1 (blue)."""
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([*RED, *BLUE])
    picture.paste(1, (4, 0, 8, 8))
    return picture


def test_palette_gives_its_colours(tmp_path):
    _palette_picture().save(tmp_path / "palette.png")
    pixels = _load_one(tmp_path)
    _assert_colour(pixels[:, :4], RED)
    _assert_colour(pixels[:, 4:], BLUE)


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_transparent_palette_colour_is_white(tmp_path, suffix):
    _palette_picture().save(tmp_path / f"palette.{suffix}", transparency=1)
    pixels = _load_one(tmp_path)
    _assert_colour(pixels[:, :4], RED)
    _assert_colour(pixels[:, 4:], WHITE)


def test_palette_with_an_alpha_per_colour_lies_on_white(tmp_path):
    _palette_picture().save(tmp_path / "palette.png", transparency=bytes([255, 51]))
    pixels = _load_one(tmp_path)
    _assert_colour(pixels[:, :4], RED)
    # A fifth of blue and four fifths of white.
    _assert_colour(pixels[:, 4:], (204, 204, 255), tolerance=1)


def test_transparent_pixels_are_white_whatever_colour_they_hide(tmp_path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4, :, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "alpha.png")
    result = _load_one(tmp_path)
    _assert_colour(result[:4], (0, 0, 0))
    _assert_colour(result[4:], WHITE)


def test_half_transparent_black_is_grey(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 102)).save(tmp_path / "alpha.png")
    _assert_colour(_load_one(tmp_path), (153, 153, 153), tolerance=1)  # 255 * (1 - 102 / 255)


def test_grey_with_alpha_lies_on_white(tmp_path):
    Image.new("LA", (8, 8), (100, 0)).save(tmp_path / "a.png")
    Image.new("LA", (8, 8), (100, 255)).save(tmp_path / "b.png")
    clear, solid = load_folder(tmp_path, 8, channels=1).images
    _assert_colour(clear, 255)
    _assert_colour(solid, 100)


def test_transparent_colour_of_an_rgb_png_is_white(tmp_path):
    _save(tmp_path / "key.png", GREEN, transparency=GREEN)
    _assert_colour(_load_one(tmp_path), WHITE)


@pytest.mark.parametrize(("suffix", "tolerance"), [("tif", 0), ("jpg", 3)])
@pytest.mark.parametrize(
    ("inks", "colour"),
    [((0, 255, 255, 0), RED), ((0, 0, 0, 0), WHITE), ((0, 0, 0, 255), (0, 0, 0))],
    ids=["magenta and yellow", "no ink", "black"],
)
def test_cmyk_becomes_rgb(tmp_path, suffix, tolerance, inks, colour):
    Image.new("CMYK", (8, 8), inks).save(tmp_path / f"inks.{suffix}", quality=95)
    _assert_colour(_load_one(tmp_path), colour, tolerance)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path, suffix):
    values = np.array([[0, 257, 32768, 65535]], np.uint16).repeat(4, axis=0)
    Image.fromarray(values).save(tmp_path / f"deep.{suffix}")
    # 65535 = 257 * 255, so 257 is one step of 8 bits, and 32768 is the middle.
    result = _load_one(tmp_path, image_size=4, channels=1)[0, :, 0].tolist()
    assert result in ([0, 1, 127, 255], [0, 1, 128, 255])
    _assert_colour(_load_one(tmp_path, image_size=4)[:, 3], WHITE)


def test_dark_16_bit_grey_stays_dark(tmp_path):
    Image.fromarray(np.full((4, 4), 200, np.uint16)).save(tmp_path / "dark.png")
    _assert_colour(_load_one(tmp_path, 4, channels=1), 1)


def test_32_bit_mode_is_read_as_16_bit_and_refused_beyond(tmp_path):
    Image.fromarray(np.full((4, 4), 257 * 90, np.int32)).save(tmp_path / "a.tif")
    Image.fromarray(np.full((4, 4), 70_000, np.int32)).save(tmp_path / "b.tif")
    with pytest.warns(UserWarning, match=r"1 of 2 .* b\.tif \(pixel values from 70000"):
        images = load_folder(tmp_path, 4, channels=1)
    _assert_colour(images.images, 90)


def test_first_frame_of_an_animation_is_taken(tmp_path):
    for suffix, options in (("gif", {}), ("webp", {"lossless": True}), ("png", {})):
        frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
        path = tmp_path / suffix / f"moving.{suffix}"
        path.parent.mkdir()
        frames[0].save(path, save_all=True, append_images=frames[1:], **options)
        with Image.open(path) as picture:
            assert picture.n_frames == 2
        _assert_colour(_load_one(path.parent), RED)


# The EXIF standard's table: on which side of the upright picture the stored row 0 and column 0 lie.
SIDES = {
    "top": np.s_[0, 2:-2],
    "bottom": np.s_[-1, 2:-2],
    "left": np.s_[2:-2, 0],
    "right": np.s_[2:-2, -1],
}


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    ("orientation", "row_side", "column_side"),
    [
        (1, "top", "left"),
        (2, "top", "right"),
        (3, "bottom", "right"),
        (4, "bottom", "left"),
        (5, "left", "top"),
        (6, "right", "top"),
        (7, "right", "bottom"),
        (8, "left", "bottom"),
    ],
)
def test_exif_orientation_is_applied(tmp_path, suffix, orientation, row_side, column_side):
    stored = np.zeros((8, 8, 3), np.uint8)
    stored[0, :] = RED
    stored[1:, 0] = GREEN
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / f"camera.{suffix}", exif=exif)
    pixels = _load_one(tmp_path)
    _assert_colour(pixels[SIDES[row_side]], RED)
    _assert_colour(pixels[SIDES[column_side]], GREEN)


def test_sideways_jpeg_of_a_camera_stands_upright(tmp_path):
    # Held upright, the camera stores the sky on the left and says 6: turn it clockwise.
    stored = Image.new("RGB", (1200, 900), GREEN)
    stored.paste(BLUE, (0, 0, 600, 900))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save(tmp_path / "camera.jpg", exif=exif)
    pixels = _load_one(tmp_path, image_size=16)
    _assert_colour(pixels[:7], BLUE, tolerance=4)
    _assert_colour(pixels[9:], GREEN, tolerance=4)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize(
    "block",
    [b"no TIFF header at all", b"II*\x00", b"II*\x00\xff\xff\xff\x7f"],
    ids=["no header", "cut short", "offset beyond the end"],
)
def test_damaged_exif_neither_loses_the_picture_nor_warns(tmp_path, suffix, block):
    _save(tmp_path / f"camera.{suffix}", RED, exif=b"Exif\x00\x00" + block)
    _assert_colour(_load_one(tmp_path), RED, tolerance=2)


# Sizes


@pytest.mark.parametrize("size", [(24, 8), (8, 24)], ids=["wide", "tall"])
def test_central_square_is_kept(tmp_path, size):
    thirds = Image.new("RGB", size, GREEN)
    width, height = size
    thirds.paste(RED, (0, 0, 8, 8))
    thirds.paste(BLUE, (width - 8, height - 8, width, height))
    thirds.save(tmp_path / "thirds.png")
    _assert_colour(_load_one(tmp_path), GREEN)


def test_resize_is_that_of_the_whole_picture_followed_by_a_crop(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 120, 3), np.uint8)
    picture = Image.fromarray(pixels)
    picture.save(tmp_path / "noise.png")
    whole = picture.resize((60, 20), Image.Resampling.BICUBIC)  # shorter side 20
    expected = np.asarray(whole.crop((20, 0, 40, 20)))
    assert np.array_equal(_load_one(tmp_path, image_size=20), expected)


def test_fine_checkerboard_becomes_mid_grey(tmp_path):
    # Without antialiasing, every sample of the 1-pixel pattern would hit black or white.
    board = np.indices((256, 256)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.png")
    _assert_colour(_load_one(tmp_path, image_size=32, channels=1), 127.5, tolerance=3)


def test_fine_checkerboard_in_a_jpeg_becomes_mid_grey(tmp_path):
    board = np.indices((1024, 1024)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.jpg", quality=95)
    _assert_colour(_load_one(tmp_path, image_size=32, channels=1), 127.5, tolerance=3)


def test_large_jpeg_keeps_its_detail(tmp_path):
    # Stripes of 8 pixels, 2 in the result. Read at an eighth of its size, the JPEG has 32 columns.
    stripes = (np.arange(256) // 8 % 2 * 255).astype(np.uint8)
    Image.fromarray(np.tile(stripes, (256, 1))).save(tmp_path / "stripes.jpg", quality=95)
    row = _load_one(tmp_path, image_size=64, channels=1)[32, :, 0].astype(int)
    _assert_colour(row, np.arange(64) // 2 % 2 * 255, tolerance=30)


def test_pixels_of_the_right_size_are_untouched(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 19, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    # 19 - 16 = 3 surplus columns: one goes on the left.
    assert np.array_equal(_load_one(tmp_path, image_size=16), pixels[:, 1:17])


def test_mixed_sizes_and_a_thin_strip_give_one_array(tmp_path):
    for name, size in (("a", (100, 30)), ("b", (5, 5)), ("c", (1, 20_000)), ("d", (64, 64))):
        _save(tmp_path / f"{name}.png", RED, size)
    images = load_folder(tmp_path)
    assert images.images.shape == (4, 64, 64, 3)
    _assert_colour(images.images, RED)


# Files that cannot be decoded


def _png_chunk(kind, payload):
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)


def _png_of(width, height):
    """A PNG file that claims a size; its few pixels would be decoded only if someone tried."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + body + _png_chunk(b"IEND", b"")


def _half_of(suffix):
    """The first half of a file of noise."""

    def contents(folder):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        path = folder / f"whole.{suffix}"
        Image.fromarray(noise).save(path)
        packed = path.read_bytes()
        path.unlink()
        return packed[: len(packed) // 2]

    return contents


BROKEN = {
    "cut.jpg": _half_of("jpg"),
    "cut.png": _half_of("png"),
    "cut.webp": _half_of("webp"),
    "cut.gif": _half_of("gif"),
    "cut.bmp": _half_of("bmp"),
    "cut.tif": _half_of("tif"),
    "empty.jpg": lambda folder: b"",
    "text.png": lambda folder: b"This is no picture.\n",
    "page.jpg": lambda folder: b"<html><body>404 not found</body></html>",
    "noise.bmp": lambda folder: random.Random(0).randbytes(2000),
    "bomb.png": lambda folder: _png_of(50_000, 50_000),
    "large.png": lambda folder: _png_of(10_000, 10_000),
    "phone.heic": lambda folder: b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    # A reader for this format would start Ghostscript.
    "script.png": lambda folder: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_skipped_and_named(tmp_path, name):
    _save(tmp_path / "class" / "good.png", GREEN)
    (tmp_path / "class" / name).write_bytes(BROKEN[name](tmp_path))
    with pytest.warns(UserWarning, match=f"skipped 1 of 2 .* class/{name} ") as caught:
        images = load_folder(tmp_path, 8)
    assert len(caught) == 1
    assert images.images.shape == (1, 8, 8, 3)
    _assert_colour(images.images, GREEN)
    assert images.labels.tolist() == [0]


@pytest.mark.parametrize("name", ["bomb.png", "large.png"])
def test_decompression_bomb_is_refused_by_its_size(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name](tmp_path))
    with (
        pytest.warns(UserWarning, match="decompression bomb"),
        pytest.raises(ValueError, match="decompression bomb"),
    ):
        load_folder(tmp_path)


def test_formats_off_the_list_are_not_read_under_a_listed_suffix(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "portable.png", format="PPM")  # Pillow could
    with (
        pytest.warns(UserWarning, match="not an image in a known format"),
        pytest.raises(ValueError, match=r"portable\.png"),
    ):
        load_folder(tmp_path)


def test_floating_point_picture_is_skipped(tmp_path):
    _save(tmp_path / "good.png")
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(tmp_path / "float.tif")
    with pytest.warns(UserWarning, match=r"float\.tif \(floating-point"):
        assert len(load_folder(tmp_path, 8)) == 1


def test_link_to_nowhere_and_pipe_are_skipped(tmp_path):
    _save(tmp_path / "good.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.warns(UserWarning, match=r"skipped 2 of 3 .*link\.png .*pipe\.png"):
        assert len(load_folder(tmp_path, 8)) == 1


def test_many_broken_files_give_one_warning_with_ten_names(tmp_path):
    _save(tmp_path / "good.png")
    for number in range(13):
        (tmp_path / f"bad{number:02d}.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="skipped 13 of 14") as caught:
        load_folder(tmp_path, 8)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert [f"bad{number:02d}.png" in message for number in range(13)] == [True] * 10 + [False] * 3
    assert message.endswith("and 3 more")
    assert caught[0].filename == __file__  # the warning points at the caller
    named = [(str(file), reason) for file, reason in caught[0].message.files]
    assert [file for file, _ in named] == [f"bad{number:02d}.png" for number in range(13)]
    assert {reason for _, reason in named} == {"not an image in a known format"}


def test_listed_files_without_the_skipped_ones_are_the_images_in_order(tmp_path):
    for name, grey in {"b/2.png": 30, "a/z.png": 10, "b/1.png": 20}.items():
        _save(tmp_path / name, (grey, grey, grey))
    (tmp_path / "a" / "bad.png").write_bytes(b"")
    (tmp_path / "a" / "notes.txt").write_bytes(b"")
    with pytest.warns(SkippedFilesWarning) as caught:
        images = load_folder(tmp_path, 8)
    listed = [file.as_posix() for file in list_folder(tmp_path)]
    assert listed == ["a/bad.png", "a/z.png", "b/1.png", "b/2.png"]
    assert [file.as_posix() for file, _ in caught[0].message.files] == ["a/bad.png"]
    assert images.images[:, 0, 0, 0].tolist() == [10, 20, 30]


def test_listing_asks_for_a_folder_with_pictures_as_loading_does(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(ValueError, match="holds no pictures"):
        list_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        list_folder(tmp_path / "photos")


def test_pillow_settings_and_warning_filters_are_left_alone(tmp_path):
    _save(tmp_path / "good.png")
    filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    load_folder(tmp_path, 8)
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS) == (filters, limit)


# Folders and classes


def test_one_folder_per_class_gives_sorted_names_and_labels(tmp_path):
    # Written in an order that is not the sorted one.
    for name in ("dog/2.png", "cat/b.png", "dog/1.png", "ant/x/deep/1.png", "cat/a.png"):
        _save(tmp_path / name)
    images = load_folder(tmp_path, 8)
    assert images.class_names == ("ant", "cat", "dog")
    assert images.labels.tolist() == [0, 1, 1, 2, 2]
    assert images.labels.dtype == np.int64


def test_order_is_that_of_the_sorted_names(tmp_path):
    greys = {"b/2.png": 3, "a/z.png": 1, "b/1.png": 2, "a/m/0.png": 0}
    for name, grey in greys.items():
        _save(tmp_path / name, (grey, grey, grey))
    assert load_folder(tmp_path, 8).images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_pictures_without_class_folders_have_no_labels(tmp_path):
    _save(tmp_path / "a.png")
    _save(tmp_path / "b.png")
    images = load_folder(str(tmp_path), 8)
    assert images.labels is None
    assert (images.class_names, len(images)) == ((), 2)


def test_pictures_beside_class_folders_take_the_labels_away_with_a_warning(tmp_path):
    _save(tmp_path / "preview.png")
    _save(tmp_path / "cat" / "a.png")
    with pytest.warns(UserWarning, match="1 of 2 pictures lie directly in"):
        images = load_folder(tmp_path, 8)
    assert images.labels is None
    assert len(images) == 2


def test_broken_file_beside_class_folders_does_not_take_the_labels(tmp_path):
    (tmp_path / "preview.png").write_bytes(b"")
    _save(tmp_path / "cat" / "a.png")
    with pytest.warns(UserWarning, match=r"preview\.png"):
        assert load_folder(tmp_path, 8).class_names == ("cat",)


def test_folder_with_no_sound_picture_is_no_class(tmp_path):
    _save(tmp_path / "cat" / "a.png")
    (tmp_path / "ant").mkdir()
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "a.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="dog"):
        images = load_folder(tmp_path, 8)
    assert (images.class_names, images.labels.tolist()) == (("cat",), [0])


def test_what_is_no_picture_is_ignored_without_a_word(tmp_path):
    _save(tmp_path / "cat" / "a.png")
    _save(tmp_path / "cat" / ".hidden.png")
    _save(tmp_path / ".thumbnails" / "a.png")
    _save(tmp_path / "__MACOSX" / "cat" / "a.png")
    (tmp_path / "cat" / "._a.png").write_bytes(b"Mac resource fork")
    (tmp_path / "cat" / "notes.txt").write_text("a.png is a cat")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    (tmp_path / "no-suffix").write_bytes(b"")
    images = load_folder(tmp_path, 8)
    assert (images.class_names, len(images)) == (("cat",), 1)


def test_folder_named_like_a_picture_is_a_folder(tmp_path):
    _save(tmp_path / "class.png" / "a.png")
    assert load_folder(tmp_path, 8).class_names == ("class.png",)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    _save(tmp_path / "elsewhere" / "a.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    images = load_folder(root, 8)
    assert (images.class_names, len(images)) == (("cat",), 1)


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    _save(tmp_path / "pictures" / "a.png")
    assert len(load_folder("~/pictures", 8)) == 1


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*gone"):
        load_folder(tmp_path / "gone")


def test_file_in_place_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "pictures.zip").write_bytes(b"PK")
    with pytest.raises(NotADirectoryError, match="Unpack"):
        load_folder(tmp_path / "pictures.zip")


def test_folder_without_pictures_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(ValueError, match=r"holds no pictures.*\.png"):
        load_folder(tmp_path)


def test_folder_with_broken_pictures_only_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="skipped 1 of 1"),
        pytest.raises(ValueError, match=r"received 1 picture files .* a\.png"),
    ):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 4}, "channels=4"),
        ({"image_size": 0}, "image_size=0"),
        ({"image_size": 64.0}, r"image_size=64\.0"),
        ({"image_size": (64, 64)}, r"image_size=\(64, 64\)"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        load_folder(tmp_path, **arguments)


# Folders as servers, systems and archives leave them

FOREIGN = [
    "@eaDir/a.jpg",  # Synology, as are the next three
    "@tmp",
    "#recycle",
    "#snapshot",
    ".@__thumb",  # QNAP, as are the next two
    "@Recycle",
    "@Recently-Snapshot",
    ".Trash-1000/files",
    ".Trashes/501",
    ".thumbnails/normal",
    "$RECYCLE.BIN/S-1-5-21",
    "$Recycle.Bin",
    "System Volume Information",
    "FOUND.000",
    "lost+found",
    "Network Trash Folder",
    "Catalog Previews.lrdata/A/B",
    "Photos.photoslibrary/resources/derivatives",
]


@pytest.mark.parametrize("folder", FOREIGN)
def test_thumbnails_and_deleted_files_are_no_pictures_at_any_depth(tmp_path, folder):
    for place in ("", "cats", "cats/young"):
        _save(tmp_path / place / folder / "thumb.jpg", size=(4, 4))
    for name in ("cats/a.jpg", "cats/young/b.jpg", "dogs/c.jpg"):
        _save(tmp_path / name)
    images = load_folder(tmp_path, 8)
    assert (images.class_names, images.labels.tolist()) == (("cats", "dogs"), [0, 0, 1])


@pytest.mark.parametrize("name", ["@home", "#1", "$5", "thumbs", "previews", "recycle", "lost"])
def test_classes_with_odd_names_are_classes(tmp_path, name):
    _save(tmp_path / name / "a.png")
    assert load_folder(tmp_path, 8).class_names == (name,)


@pytest.fixture
def private(tmp_path, monkeypatch):
    """A folder that may not be read, in one that may. Root may read all, so the system is asked
    by a function that refuses it.
    """
    folder, listdir = tmp_path / "private", os.listdir
    _save(folder / "a.png")

    def refuse(path="."):
        if os.fspath(path) == str(folder):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    return folder


def test_folder_that_may_not_be_read_is_left_out_and_named(tmp_path, private):
    _save(tmp_path / "cat" / "a.png")
    (tmp_path / "cat" / "b.png").write_bytes(b"")
    for function in (load_folder, lambda *form: open_folder(*form, cache=tmp_path / ".cache")):
        with pytest.warns(SkippedFilesWarning) as caught:
            images = function(tmp_path, 8)
        assert (images.class_names, len(images), len(caught)) == (("cat",), 1, 1)
        files = [path.as_posix() for path, _ in caught[0].message.files]
        assert files == ["cat/b.png", "private"]
        assert "could not be read: private (Permission denied)" in str(caught[0].message)


def test_folder_of_nothing_but_closed_ones_says_so(tmp_path, private):
    with pytest.raises(PermissionError, match="private"):
        list_folder(private)
    with pytest.raises(ValueError, match=r"no pictures in .*private \(Permission denied\) cannot"):
        load_folder(tmp_path, 8)


def test_folders_may_lie_deeper_in_each_other_than_functions_can(tmp_path):
    folder, depth = tmp_path, 1_100
    for _ in range(depth):
        folder = folder / "d"
        folder.mkdir()
    _save(folder / "a.png")
    assert len(list_folder(tmp_path)) == 1
    (folder / "a.png").unlink()
    for _ in range(depth):  # pytest's own cleaning is recursive
        folder.rmdir()
        folder = folder.parent


def test_links_in_a_ring_and_to_themselves_end(tmp_path):
    _save(tmp_path / "cat" / "a.png")
    (tmp_path / "cat" / "itself").symlink_to("itself")
    (tmp_path / "cat" / "here").symlink_to(".")
    (tmp_path / "x.png").symlink_to("y.png")
    (tmp_path / "y.png").symlink_to("x.png")
    with pytest.warns(SkippedFilesWarning, match="skipped 2 of 3"):
        assert load_folder(tmp_path, 8).class_names == ("cat",)


@pytest.mark.parametrize("name", ["a.dng", "a.NEF", "a.cr2", "a.ppm", "a.jp2", "a.tga", "a.jxl"])
def test_pictures_of_formats_that_are_not_read_are_named_and_not_opened(tmp_path, name):
    _save(tmp_path / "a.jpe", format="JPEG")
    _save(tmp_path / name, format="TIFF")  # as a camera's raw file holds its preview
    with pytest.warns(SkippedFilesWarning, match=rf"{name} \(a format that is not read"):
        assert len(load_folder(tmp_path, 8)) == 1


GBK = "小狗".encode("gbk")  # as a zip of a Chinese Windows unpacks; no UTF-8


def test_names_that_are_no_utf_8_can_be_printed_and_tell_classes_apart(tmp_path):
    for name in (GBK, GBK[::-1], "猫".encode()):
        _save(tmp_path / os.fsdecode(name) / "a.png")
    (tmp_path / os.fsdecode(GBK) / "b.png").write_bytes(b"")
    with pytest.warns(SkippedFilesWarning) as caught:
        images = load_folder(tmp_path, 8)
    assert sorted(images.class_names) == ["%B7%B9%A1%D0", "С%B9%B7", "猫"]
    for text in (*images.class_names, str(caught[0].message)):
        assert text.encode("utf-8")
    assert (tmp_path / caught[0].message.files[0][0]).exists()  # the path is the file's own


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_16_bit_tiff_in_which_white_is_0_is_no_negative(tmp_path, byte_order):
    # Written by hand after TIFF 6.0, tag 262 PhotometricInterpretation: 0 is WhiteIsZero.
    values = np.repeat([[0, 13_107, 65_535, 65_535]], 4, axis=0).astype(f"{byte_order}u2")
    tags = [(256, 4), (257, 4), (258, 16), (259, 1), (262, 0), (273, 8), (277, 1), (278, 4)]
    tags.append((279, values.nbytes))
    header = {"<": b"II*\0", ">": b"MM\0*"}[byte_order]
    entries = b"".join(struct.pack(f"{byte_order}HHIHH", tag, 3, 1, v, 0) for tag, v in tags)
    directory = struct.pack(f"{byte_order}H", len(tags)) + entries + bytes(4)
    place = struct.pack(f"{byte_order}I", 8 + values.nbytes)
    (tmp_path / "x.tif").write_bytes(header + place + values.tobytes() + directory)
    if byte_order == ">":  # which Pillow does not read
        with pytest.raises(ValueError, match="none of which"), pytest.warns(SkippedFilesWarning):
            load_folder(tmp_path, 4, 1)
        return
    assert load_folder(tmp_path, 4, 1).images[0, 0, :, 0].tolist() == [255, 204, 0, 0]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (b"pictures", r"path=b'pictures'; expected a path.*os\.fsdecode"),
        (["a", "b"], r"path=\['a', 'b'\]; expected a path"),
        (None, "path=None; expected a path"),
        (7, "path=7; expected a path"),
        ("", "path=''; expected a path"),
        ("~nobody-of-this-name/a", "whose home"),
    ],
)
@pytest.mark.parametrize(
    "function", [load_folder, list_folder, open_folder, lambda p: save_folder(load_digits()[:2], p)]
)
def test_what_is_no_path_is_refused(function, path, message):
    with pytest.raises((TypeError, ValueError), match=message):
        function(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": True}, "image_size=True; expected an integer"),
        ({"image_size": "64"}, "image_size='64'; expected an integer"),
        ({"channels": 3.0}, r"channels=3\.0; expected 1 or 3"),
        ({"channels": True}, "channels=True; expected 1 or 3"),
        ({"channels": "RGB"}, "channels='RGB'; expected 1 or 3"),
    ],
)
def test_sizes_are_whole_numbers(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        load_folder(tmp_path, **settings)


# save_folder


def test_labelled_images_come_back_class_by_class(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    original = Images(pixels, [1, 0, 2, 1, 0, 2], ("dog", "ant", "cat"))
    save_folder(original, tmp_path / "new" / "folder")
    loaded = load_folder(tmp_path / "new" / "folder", 8)
    assert loaded.class_names == ("ant", "cat", "dog")
    # "ant" is label 1, of the images 0 and 3; "cat" has 2 and 5; "dog" has 1 and 4.
    assert np.array_equal(loaded.images, pixels[[0, 3, 2, 5, 1, 4]])
    assert loaded.labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_grey_digits_come_back_exactly(tmp_path):
    digits = load_digits()[:200]
    save_folder(digits, tmp_path)
    loaded = load_folder(tmp_path, 8, channels=1)
    order = np.argsort(digits.labels, kind="stable")
    assert np.array_equal(loaded.images, digits.images[order])
    assert np.array_equal(loaded.labels, digits.labels[order])
    assert loaded.class_names == digits.class_names


def test_unlabelled_images_lie_flat_in_their_order(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
    save_folder(Images(pixels), tmp_path)
    assert len(list(tmp_path.glob("*.png"))) == 12
    loaded = load_folder(tmp_path, 8, channels=1)
    assert loaded.labels is None
    assert np.array_equal(loaded.images, pixels)


def test_labels_without_names_keep_their_numbers_beyond_ten(tmp_path):
    pixels = np.zeros((12, 4, 4, 1), np.uint8)
    save_folder(Images(pixels, np.arange(12)), tmp_path)
    loaded = load_folder(tmp_path, 4, channels=1)
    assert loaded.class_names[:3] == ("00", "01", "02")
    assert loaded.labels.tolist() == list(range(12))


def test_names_that_no_folder_can_have_are_changed(tmp_path):
    names = ("T-shirt/top", "../up", "a:b*?", "", "end.")
    save_folder(Images(np.zeros((5, 4, 4, 1), np.uint8), range(5), names), tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["out"]
    assert sorted(os.listdir(tmp_path / "out")) == ["-", "--up", "T-shirt-top", "a-b--", "end-"]
    assert len(load_folder(tmp_path / "out", 4, channels=1).class_names) == 5


@pytest.mark.parametrize("names", [("a/b", "a-b"), ("Cat", "cat")])
def test_names_that_share_a_folder_are_refused(tmp_path, names):
    with pytest.raises(ValueError, match=r"folder names .* expected names that differ"):
        save_folder(Images(np.zeros((2, 4, 4, 1), np.uint8), [0, 1], names), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folder_that_holds_something_is_left_alone(tmp_path):
    _save(tmp_path / "old.png")
    with pytest.raises(FileExistsError, match="not empty"):
        save_folder(Images(np.zeros((2, 4, 4, 1), np.uint8)), tmp_path)
    assert os.listdir(tmp_path) == ["old.png"]


def test_saving_onto_a_file_or_something_else_than_images_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        save_folder(Images(np.zeros((2, 4, 4, 1), np.uint8)), tmp_path / "file")
    with pytest.raises(TypeError, match=r"Images\(array\)"):
        save_folder(np.zeros((2, 4, 4, 1), np.uint8), tmp_path / "new")


ODD_NAMES = ("CON", "aux.txt", "com1", "__MACOSX", "@eaDir", "lost+found", "a.lrdata", "a" * 300)


def test_classes_whose_names_mean_something_else_come_back(tmp_path):
    save_folder(Images(np.zeros((8, 4, 4, 1), np.uint8), range(8), ODD_NAMES), tmp_path)
    folders = os.listdir(tmp_path)
    assert max(map(len, folders)) == 255
    assert {"-CON-", "-aux.txt-", "-com1-", "-__MACOSX-", "-@eaDir-"} < set(folders)
    assert len(load_folder(tmp_path, 4, channels=1).class_names) == 8


def test_long_names_are_cut_between_characters_and_may_not_meet(tmp_path):
    pixels = np.zeros((2, 4, 4, 1), np.uint8)
    save_folder(Images(pixels[:1], [0], ("猫" * 100,)), tmp_path / "one")
    assert os.listdir(tmp_path / "one") == ["猫" * 84 + "-"]  # of three bytes each
    with pytest.raises(ValueError, match="expected names that differ"):
        save_folder(Images(pixels, [0, 1], ("a" * 300, "a" * 301)), tmp_path / "two")


def test_names_that_are_no_utf_8_are_saved_and_come_back(tmp_path):
    names = (os.fsdecode(GBK), "half a pair \ud800")
    save_folder(Images(np.zeros((2, 4, 4, 1), np.uint8), [0, 1], names), tmp_path)
    loaded = load_folder(tmp_path, 4, channels=1)
    assert loaded.class_names == ("half a pair \N{REPLACEMENT CHARACTER}", "С%B9%B7")


def test_what_a_system_leaves_in_a_folder_does_not_fill_it(tmp_path):
    (tmp_path / ".DS_Store").write_bytes(b"")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    (tmp_path / "@eaDir").mkdir()
    save_folder(load_digits()[:3], tmp_path)
    assert len(load_folder(tmp_path, 8)) == 3
