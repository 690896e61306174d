"""The look of the book: contrast, its pictures, and the two Sphinx extensions behind its pages."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from docutils import nodes
from PIL import Image

from tools import pictures, sphinx_pages, sphinx_terms

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "book" / "_static"
CSS = (STATIC / "custom.css").read_text(encoding="utf-8")


# --- colours -------------------------------------------------------------------------------------


def palette(mode):
    """The colours that custom.css gives one mode: name to six hexadecimal digits."""
    block = re.search(rf'^html\[data-theme="{mode}"\] \{{([^}}]*)\}}', CSS, re.MULTILINE)[1]
    return dict(re.findall(r"--book-([\w-]+): (#[0-9a-f]{6});", block))


def contrast(first, second):
    """The contrast of two colours as WCAG 2 defines it, from 1 to 21."""

    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        low = channels / 12.92
        linear = np.where(channels <= 0.04045, low, ((channels + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("colour", "expected"),
    # Published by WebAIM as the lightest grey, red and blue that pass on white, and black.
    [("#767676", 4.54), ("#ff0000", 4.0), ("#0000ff", 8.59), ("#000000", 21.0)],
)
def test_contrast_is_the_one_that_others_compute(colour, expected):
    assert contrast(colour, "#ffffff") == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_colour_of_text_passes_aa_on_every_background(mode):
    colours = palette(mode)
    backgrounds = [name for name in colours if name in ("paper", "surface") or "tint" in name]
    texts = [name for name in colours if name not in backgrounds and name != "line"]
    assert len(backgrounds) == len(texts) == 6
    faint = {
        (text, background): round(contrast(colours[text], colours[background]), 2)
        for text in texts
        for background in backgrounds
        if contrast(colours[text], colours[background]) < 4.5
    }
    assert faint == {}


def test_both_modes_and_print_name_the_same_colours():
    printed = re.search(r"@media print \{\s*html\[data-theme\] \{([^}]*)\}", CSS)[1]
    printed = set(re.findall(r"--book-([\w-]+): #", printed))
    assert set(palette("light")) == set(palette("dark")) == printed


def test_pictures_have_the_colours_of_the_pages():
    def channels(colour):
        return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))

    assert channels(palette("dark")["paper"]) == pictures.CARD_PAPER
    for colours, paper in ((pictures.ON_LIGHT, "light"), (pictures.ON_DARK, "dark")):
        for colour in colours:
            # WCAG 1.4.11 wants 3 for what is drawn.
            assert contrast("#{:02x}{:02x}{:02x}".format(*colour), palette(paper)["paper"]) > 3


@pytest.mark.parametrize("name", ["custom.css", "terms.js"])
def test_nothing_is_loaded_from_elsewhere(name):
    text = (STATIC / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|//\w+\.|@import|@font-face|fetch\(", text)


# --- pictures ------------------------------------------------------------------------------------


def test_walk_keeps_to_the_arc_between_its_ends():
    start, end = np.array([3.0, 0, 0]), np.array([0, 3.0, 0])
    points = pictures.walk(start, end, 3)
    # Elementary geometry: a quarter circle of radius 3, cut in the middle.
    middle = 3 / np.sqrt(2)
    np.testing.assert_allclose(points, [start, [middle, middle, 0], end], atol=1e-12)


def test_band_is_clear_where_images_are_dark_and_changes_colour_from_left_to_right():
    brightness = np.zeros((2, 3, 4, 4))
    brightness[0, 0], brightness[1, 2] = 1, 1  # the first image and the last one
    picture = np.asarray(pictures.band(brightness, ((0, 50, 100), (200, 150, 0)), 2))
    height, width = picture.shape[:2]
    first, last = picture[: height // 2, : width // 3], picture[height // 2 :, -(width // 3) :]
    assert (first[..., 3].max(), last[..., 3].max()) == (255, 255)
    assert tuple(first[height // 4, width // 6, :3]) == (0, 50, 100)
    assert tuple(last[height // 4, width // 6, :3]) == (200, 150, 0)
    opaque = (picture[..., 3] > 0).sum()
    assert opaque == 2 * (4 * 2) ** 2  # two images of 4 × 4 pixels, each pixel 2 × 2


def test_pictures_are_small_and_the_card_has_the_size_that_its_tags_state():
    for name in ("hero_light.png", "hero_dark.png", "card.png"):
        assert (STATIC / name).stat().st_size < 150_000, name
    with Image.open(ROOT / "book" / sphinx_pages.CARD) as card:
        assert card.size == pictures.CARD_SIZE == (1200, 630)


# --- definitions of terms ------------------------------------------------------------------------


def test_definition_keeps_formulas_and_drops_what_the_glossary_is_for():
    citation = sphinx_terms.addnodes.pending_xref("", nodes.inline("", "key"), refdomain="cite")
    pieces = [nodes.Text("The rate "), nodes.math("", r"\beta_1"), nodes.Text(" of a mean ")]
    paragraph = nodes.paragraph("", "", *pieces, citation, nodes.Text(". See DCGAN."))
    assert sphinx_terms.plain_text(paragraph) == r"The rate \(\beta_1\) of a mean."


def test_each_name_of_an_entry_has_its_definition():
    item = nodes.definition_list_item()
    item += [nodes.term("", "EMA", ids=["term-EMA"]), nodes.term("", "mean", ids=["term-mean"])]
    item += nodes.definition("", nodes.paragraph("", "First."), nodes.paragraph("", "Second."))
    tree = nodes.definition_list("", item)
    assert sphinx_terms.definitions(tree) == {"term-EMA": "First.", "term-mean": "First."}


def test_definition_is_escaped_and_other_links_stay_as_they_are():
    span = '<span class="xref std std-term">GAN</span></a>'
    known = f'<a class="reference internal" href="glossary.html#term-GAN">{span}'
    unknown = f'<a class="reference internal" href="glossary.html#term-VAE">{span}'
    plain = '<a class="reference internal" href="glossary.html#term-GAN">GAN</a>'
    found = {"term-GAN": 'two "players" & <b>'}
    body = sphinx_terms.add_definitions(known + unknown + plain, found)
    assert body.endswith(unknown + plain)
    assert 'data-definition="two &quot;players&quot; &amp; &lt;b&gt;"' in body
    assert body.count("data-definition") == 1


# --- what a page says about itself ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("https://github.com/" + "OWNER/NAME", ""),  # the address stands once
        ("https://example.org/ada/gans", ""),
        (None, ""),
        ("https://github.com/Ada/gans", "https://ada.github.io/gans/"),
    ],
)
def test_address_of_the_book_follows_from_the_repository(repository, expected):
    assert sphinx_pages.site_url(repository) == expected


def test_link_to_the_repository_is_text_while_it_has_no_address():
    def made(url):
        class Role(sphinx_pages.Repository):
            config = SimpleNamespace(html_theme_options={"repository_url": url})

        role = Role()
        role.rawtext, role.title, role.target = "", "release", "releases"
        ((node,), _) = role.run()
        return node

    assert made("https://github.com/Ada/gans")["refuri"] == "https://github.com/Ada/gans/releases"
    words = made("https://github.com/" + "OWNER/NAME")
    assert isinstance(words, nodes.Text)
    assert str(words) == "release"


def test_description_is_the_first_paragraph_cut_at_a_word():
    section = nodes.section("", nodes.title("", "T"))
    section += nodes.note("", nodes.paragraph("", "Not this one."))
    section += nodes.paragraph("", "A network [Radford et al., 2016],\n" + "word " * 60)
    text = sphinx_pages.description(section)
    assert text.startswith("A network, word")
    assert text.endswith(" word …")
    assert len(text) <= sphinx_pages.MAX_DESCRIPTION + 2
    assert sphinx_pages.description(None) == ""


class Script:
    """Stands in for Sphinx's own class, which is private."""

    def __init__(self, filename, **attributes):
        self.filename, self.attributes = filename, attributes

    def __str__(self):
        return f"{self.filename} {self.attributes}"


def test_scripts_are_listed_once_and_without_thebe():
    file, inline = Script("a.js"), Script(None, body="let x")
    scripts = [file, inline, Script("", body="let x"), Script("sphinx-thebe.js")]
    assert sphinx_pages.needed(scripts) == [file, inline]


def test_index_has_one_heading_for_chinese():
    groups = [("A", ["Adam"]), ("批", ["批归一化"]), ("生", ["生成器"])]
    merged = [("A", ["Adam"]), ("中文", ["批归一化", "生成器"])]
    assert sphinx_pages.with_one_chinese_heading(groups) == merged
    assert sphinx_pages.with_one_chinese_heading(groups[:1]) == groups[:1]


def git(folder, *arguments, date="2020-01-02"):
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    moment = {f"GIT_{role}_DATE": f"{date}T12:00:00Z" for role in ("AUTHOR", "COMMITTER")}
    environment = {**os.environ, **identity, **moment, "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(["git", *arguments], cwd=folder, check=True, env=environment)


def app_in(folder):
    env = SimpleNamespace(
        doc2path=lambda name, base: f"book/{name}.md", dependencies={"a": {"data/a.csv"}}
    )
    return SimpleNamespace(srcdir=str(folder), env=env)


def test_page_is_as_new_as_the_newest_file_it_shows(tmp_path):
    for name in ("book/a.md", "book/b.md", "data/a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "book")
    git(tmp_path, "commit", "-qm", "pages")
    git(tmp_path, "add", "data")
    git(tmp_path, "commit", "-qm", "data", date="2021-03-04")
    app = app_in(tmp_path)
    sphinx_pages.read_dates(app)
    assert sphinx_pages.last_updated(app, "a") == "2021-03-04"
    assert sphinx_pages.last_updated(app, "b") == "2020-01-02"
    assert sphinx_pages.last_updated(app, "new") == ""


def test_pages_without_git_have_no_date(tmp_path, monkeypatch):
    app = app_in(tmp_path)
    sphinx_pages.read_dates(app)  # git is there, a repository is not
    assert sphinx_pages.last_updated(app, "a") == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    sphinx_pages.read_dates(app)
    assert sphinx_pages.last_updated(app, "a") == ""


def test_both_extensions_work_in_a_book(tmp_path):
    (tmp_path / "conf.py").write_text(
        f"import sys; sys.path.append({str(ROOT / 'tools')!r})\n"
        "extensions = ['myst_parser', 'sphinx_terms', 'sphinx_pages']\n"
        f"html_static_path = [{str(STATIC)!r}]\n"
        "html_theme_options = {}\n"
    )
    (tmp_path / "index.md").write_text(
        "# Book\n\nAbout {term}`GAN`s.\n\n```{toctree}\nglossary\n```\n"
    )
    glossary = (
        "# Words\n\n```{glossary}\nGAN\n生成对抗网络\n    Two networks. See {doc}`index`.\n```\n"
    )
    (tmp_path / "glossary.md").write_text(glossary, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ".", "html"]
    subprocess.run(command, cwd=tmp_path, check=True)
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert 'href="glossary.html#term-GAN" data-definition="Two networks."' in page
    assert '<meta name="description" content="About GANs." />' in page
    assert "terms.js" in page
    other = (tmp_path / "html" / "glossary.html").read_text(encoding="utf-8")
    assert "terms.js" not in other
