"""Glyphs: the fonts that Matplotlib brings, pairs across styles, labels that a split may trust."""

import itertools
import unicodedata

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ganlib import data
from ganlib.data import _glyphs as glyphs

STYLES = list(glyphs.FONTS)


@pytest.fixture(scope="module")
def all_styles():
    return {
        (family, bold, italic): data.load_glyphs(family, bold=bold, italic=italic)
        for family, bold, italic in STYLES
    }


@pytest.fixture(scope="module")
def characters():
    return glyphs._characters()[0]


def test_all_styles_show_the_same_characters_in_the_same_order(all_styles, characters):
    assert len(all_styles) == 8
    plain = all_styles["sans", False, False]
    assert len(characters) == len(set(characters)) == 1591
    assert characters == sorted(characters)
    assert plain.num_classes == 429
    for images in all_styles.values():
        assert (images.images.dtype, images.images.shape) == (np.uint8, (1591, 28, 28, 1))
        np.testing.assert_array_equal(images.labels, plain.labels)
        assert images.class_names == plain.class_names
    for one, other in itertools.combinations(all_styles.values(), 2):
        assert abs(one.images.astype(int) - other.images).mean() > 1


@pytest.mark.parametrize(
    ("style", "name"),
    [
        (("sans", False, False), "DejaVuSans.ttf"),
        (("serif", True, False), "DejaVuSerif-Bold.ttf"),
        (("serif", False, True), "DejaVuSerif-Italic.ttf"),
        (("sans", True, True), "DejaVuSans-BoldOblique.ttf"),
    ],
)
def test_pictures_are_those_of_the_font_drawn_at_their_size(all_styles, characters, style, name):
    """Beside Pillow's own drawing at 28 pixels, which fits the lines to the pixels."""
    font = ImageFont.truetype(str(glyphs._path(name)), 20)
    for character in "AQgx8Σъ":
        image = Image.new("L", (28, 28))
        ImageDraw.Draw(image).text((14, 20), character, fill=255, font=font, anchor="ms")
        mine = all_styles[style].images[characters.index(character), ..., 0]
        assert np.corrcoef(np.ravel(image), mine.ravel())[0, 1] > 0.75
        assert mine.max() > 200


def test_nothing_is_cut_off_and_nothing_is_blank(all_styles):
    for images in all_styles.values():
        pixels = images.images[..., 0].astype(int)
        assert (pixels.max(axis=(1, 2)) > 100).all()
        for edge in (pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]):
            assert edge.max() < 255  # a stroke may end within the outermost pixel
            assert (edge > 0).any(axis=1).mean() < 0.05


def test_bold_has_more_ink_and_italic_leans_to_the_right(all_styles):
    rows, columns = np.mgrid[:28, :28]
    for family in ("sans", "serif"):
        ink = {style[1:]: all_styles[style].images.mean() for style in STYLES if style[0] == family}
        assert min(ink[True, False], ink[True, True]) > 1.2 * max(
            ink[False, False], ink[False, True]
        )
        for bold in (False, True):
            leaning = []
            for italic in (False, True):
                mean = all_styles[family, bold, italic].images[..., 0].mean(axis=0)
                up, right = 14 - rows, columns - (columns * mean).sum() / mean.sum()
                leaning.append((mean * up * right).sum() / mean.sum())
            assert leaning[1] > leaning[0] + 2


def test_a_label_holds_all_of_a_letter(all_styles, characters):
    images = all_styles["sans", False, False]

    def name(character):
        return images.class_names[images.labels[characters.index(character)]]

    assert {name(c) for c in "AaÁàǻ"} == {"a"}
    assert name("Α") == name("α") == name("А") == "a"  # the Greek and the Cyrillic look the same
    assert name("т") == name(
        "m"
    )  # which has the form of an m in italic, and that of a t in upright
    assert len({name(c) for c in "abcdefghkmnqrsxz0123456789"}) == 26
    assert len(set(images.class_names)) == images.num_classes


def test_a_split_by_label_has_no_letter_and_no_picture_on_both_sides(all_styles, characters):
    """Whatever the split: all pairs of equal base letters or pictures lie within one label."""
    labels = all_styles["sans", False, False].labels
    bases = [unicodedata.normalize("NFKD", c)[0].casefold() for c in characters]
    kinds = [bases, *([one.tobytes() for one in i.images] for i in all_styles.values())]
    for kind in kinds:
        found = {}
        for value, label in zip(kind, labels, strict=True):
            assert found.setdefault(value, label) == label
    assert len(set(bases)) > 500  # so letters alone would not do


def test_joining_goes_on_through_things_that_are_tied_to_both():
    assert glyphs._joined([list("aabbcd"), [1, 2, 2, 3, 4, 4]]).tolist() == [0, 0, 0, 0, 4, 4]


@pytest.mark.parametrize("image_size", [16, 64])
def test_another_size_shows_the_same(all_styles, image_size):
    images = data.load_glyphs("serif", image_size=image_size)
    assert images.images.shape == (1591, image_size, image_size, 1)
    np.testing.assert_array_equal(images.labels, all_styles["serif", False, False].labels)
    for mine, other in zip(
        images.images[::100], all_styles["serif", False, False].images[::100], strict=True
    ):
        resized = Image.fromarray(other[..., 0]).resize((image_size, image_size))
        assert np.corrcoef(np.ravel(resized), mine.ravel())[0, 1] > 0.85


def test_what_is_given_can_be_changed():
    data.load_glyphs().labels[:] = 0
    assert data.load_glyphs().labels.max() == 428


def test_a_matplotlib_without_the_fonts_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr("matplotlib.get_data_path", lambda: str(tmp_path))
    glyphs._path.cache_clear()
    with pytest.raises(data.MissingDataError, match=r"DejaVuSans\.ttf; expected .* by pip"):
        glyphs._path("DejaVuSans.ttf")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": "mono"}, "family='mono'; expected 'sans' or 'serif'"),
        ({"family": "DejaVuSans"}, "family='DejaVuSans'; expected"),
        ({"bold": "yes"}, "bold='yes'; expected True or False"),
        ({"italic": 2}, "italic=2; expected True or False"),
        ({"image_size": 0}, "image_size=0; expected an integer"),
    ],
)
def test_other_styles_and_sizes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load_glyphs(**arguments)
