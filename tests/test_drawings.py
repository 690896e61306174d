"""The drawings of ideas: the kept ones are today's, and they tell what the code does."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ganbook.drawings import ALT, DRAWINGS
from tools.drawings import FOLDER

ROOT = Path(__file__).resolve().parents[1]
CSS = (ROOT / "book/_static/custom.css").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def words(svg):
    """Returns the lines of text in a drawing."""
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", DRAWINGS)
def test_kept_drawing_is_what_the_code_draws(name):
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == DRAWINGS[name]()


def test_no_drawing_is_kept_that_no_code_draws():
    assert {path.stem for path in FOLDER.iterdir()} == set(DRAWINGS) == set(ALT)


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_becomes_a_part_of_its_page(name):
    svg = DRAWINGS[name]()
    assert svg.startswith('<svg class="ganlib-figure" ')  # what tools/sphinx_figures.py looks for
    assert not re.search(" id=|<style|<image", svg)  # which would hold for the whole page
    root = ElementTree.fromstring(svg)
    assert root[0].get("class") == "paper"  # which custom.css takes away


@pytest.mark.parametrize("name", DRAWINGS)
def test_each_colour_has_another_one_in_the_dark(name):
    for colour in set(re.findall(r"(?:fill|stroke): #\w{6}", DRAWINGS[name]())):
        assert f'[style*="{colour}"]' in CSS


@pytest.mark.parametrize("name", DRAWINGS)
def test_letters_are_readable_on_a_phone(name):
    svg = DRAWINGS[name]()
    width = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])
    sizes = [int(size) for size in re.findall(r"font-size: (\d+)px", svg)]
    assert min(sizes) * 350 / width > 9


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawn_marks_stay_on_the_sheet(name):
    root = ElementTree.fromstring(DRAWINGS[name]())
    _, _, width, height = map(float, root.get("viewBox").split())
    for node in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(node.get(key)) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= width - w
        assert 0 <= y <= height - h
    for node in root.iter(f"{SVG}text"):
        assert 0 <= float(node.get("x")) <= width
        assert 0 < float(node.get("y")) < height


def test_dcgan_drawing_has_the_grids_of_chapter_7():
    from ganlib import recipes

    def grids(model):
        shapes = [layer.output.shape[1:] for layer in model.layers]
        shapes = [shape for shape in shapes if len(shape) == 3]
        return [s for s, before in zip(shapes, [None, *shapes], strict=False) if s != before]

    lines = words(DRAWINGS["dcgan_grids"]())
    sides = [line.split(" × ")[0] for line in lines if " × " in line]
    channels = [line.split()[0] for line in lines if "channel" in line]
    drawn = [(int(a), int(a), int(b)) for a, b in zip(sides, channels, strict=True)]
    networks = recipes.small_grey.networks(28, 1)
    assert drawn == [grid for network in networks for grid in grids(network)]


@pytest.mark.parametrize(("kernel", "first"), [(4, 0), (5, 1)])
def test_counted_copies_are_those_of_a_transposed_convolution(kernel, first):
    import numpy as np

    copies = np.zeros(4 * 2 + kernel, int)
    for place in range(5):  # inputs, of which each writes a kernel of ones
        copies[2 * place : 2 * place + kernel] += 1
    lines = [line for line in words(DRAWINGS["transposed_convolution"]()) if line.isdigit()]
    start = first * 12  # the first kernel's outputs, 8 + 4 of them, come first
    assert lines[start : start + len(copies)] == [str(count) for count in copies]
