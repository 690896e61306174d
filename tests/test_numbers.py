"""Measured numbers come into the chapters by name, and those typed by hand are noticed."""

import csv
import json
from types import SimpleNamespace

import pytest

from ganbook import measured
from tools import measured as sections
from tools import sphinx_numbers, study_garments, study_numbers, sweep, typed_numbers

VALUES = measured.read()
PAGES = sorted(path.stem for path in typed_numbers.BOOK.glob("*.md"))
CHECKED = [chapter for chapter in PAGES if typed_numbers.given(chapter) is not None]
MEASURED = {  # of an invented lab
    "lab98": {
        "distance": 0.01871,
        "share": 0.1239,
        "gain": {"mean": 2.06, "low": -0.04, "high": 4.2},
    },
    "study": {
        "each": [2.0, -0.03, -1.26],
        "worth": 591.7,
        "spread": "75% (9% to 76%)",
        "items": 3.0,
    },
}


def source(chapter):
    return (typed_numbers.BOOK / f"{chapter}.md").read_text(encoding="utf-8")


# --- what is kept --------------------------------------------------------------------------------


def test_section_is_replaced_as_a_whole_and_the_others_stay(tmp_path):
    path = tmp_path / "numbers.json"
    measured.put("lab98", {"distance": 0.1, "share": 0.2}, path)
    measured.put("study", {"n_5": {"mean": 1 / 3, "each": [1.0, 2.0]}}, path)
    measured.put("lab98", {"distance": 0.3}, path)
    expected = {"lab98": {"distance": 0.3}, "study": {"n_5": {"mean": 1 / 3, "each": [1.0, 2.0]}}}
    assert json.loads(path.read_text()) == expected == measured.read(path)
    assert [file.name for file in tmp_path.iterdir()] == ["numbers.json"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": {"b": float("nan")}}, "lab98.a.b: got nan, expected a finite number"),
        ({"a": [1.0, float("inf")]}, "lab98.a: got inf"),
        ({"plug-in": 1.0}, "got the key 'plug-in', expected a lower-case letter"),
        ({"a": {"0": 1.0}}, "got the key '0'"),
        ({"a": None}, "got None, a NoneType, expected a number"),
    ],
)
def test_what_is_no_number_is_refused_and_nothing_is_written(tmp_path, values, message):
    path = tmp_path / "numbers.json"
    with pytest.raises(measured.NumbersError) as error:
        measured.put("lab98", values, path)
    assert message in str(error.value)
    assert not path.exists()


def test_numbers_are_those_of_the_results_that_are_kept():
    made, kept = (dict(sphinx_numbers.flat(v)) for v in (dict(sections.kept_sections()), VALUES))
    assert made.keys() == kept.keys()
    for name, value in made.items():
        assert value == (kept[name] if isinstance(value, str) else pytest.approx(kept[name])), name


@pytest.mark.parametrize(
    ("section", "table"), [("study", "12_study"), ("replication", "12_study_replication")]
)
def test_differences_are_those_of_the_table_that_the_study_writes(section, table):
    """`make study` writes the table by code of its own, from the rows as they are."""
    path = measured.PATH.with_name(f"{table}_contrasts.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 10
    for row in rows:
        prefix = "balanced_" if row["measure"] == "balanced_accuracy" else ""
        name = prefix + row["contrast"].replace(" − ", "_minus_")
        found = VALUES[section][f"{row['setting']}_{row['num_per_class']}"][name]
        for key in ("mean", "low", "high"):
            assert found[key] == pytest.approx(float(row[key]), abs=0.00501), (name, key)
        assert len(found["each"]) == int(row["seeds"])


def test_garments_are_compared_seed_by_seed():
    def row(garment, what, seed, percent):
        share = str(percent / 100)
        return {"garment": garment, "what": what, "seed": seed, "share": share}

    shares = {"classical": (50, 60), "both": (53, 61), study_garments.GUESSED: (40, 50)}
    rows = [
        row(garment, what, seed, value + more)
        for garment, more in (("Coat", 0), ("T-shirt/top", 10), ("Bag", 20))
        for what, values in (
            shares | {study_garments.DRAWN: (90 - 2 * more, 90 - 2 * more)}
        ).items()
        for seed, value in zip("01", values, strict=True)
    ]
    _, found = study_garments.measured_section(rows)
    # The differences 3 and 1: mean 2, standard error 1, and t_1(0.975) is 12.706.
    interval = found["t_shirt_top"]["both_minus_classical"]
    assert interval == pytest.approx({"mean": 2, "low": 2 - 12.706, "high": 2 + 12.706}, abs=1e-3)
    assert (found["coat"]["classical"], found["mean_both"]) == pytest.approx((55, 67))
    assert found["rank_correlation"] == -1


def test_bench_has_the_numbers_of_its_tables():
    with measured.PATH.with_name("bench_finals.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        found = VALUES["bench"]["finals"][measured.name(row["change"])]
        assert f"{found['test']:.4f}" == row["relative distance"]
        if row["range"]:
            assert f"{found['low']:.4f} to {found['high']:.4f}" == row["range"]


def test_held_out_images_between_training_images_and_generated_ones():
    signs = {"training": 1.0, "held_out": 0.25, "generated": -0.5}
    results = {f"sign_{kind}_plain": value for kind, value in signs.items()}
    assert sweep.remembered(results) == {"remembered_plain": 0.5}
    assert sweep.remembered({"sign_training_plain": 1.0}) == {}


def test_rows_of_a_sweep_are_named_by_what_differs():
    assert sweep.row_name("seed", "2") == "seed_2"
    assert sweep.row_name("latents, seed", "64, 0") == "latents_64_seed_0"
    assert (
        sweep.row_name("images, changed, seed", "6,000, by ADA, 1") == "images_6000_by_ada_seed_1"
    )
    assert sweep.row_name("change", "no moving average") == "no_moving_average"


def test_median_and_range_over_seeds_are_numbers():
    texts = {"close": "0.05 (0.04 to 0.16)", "modes": "3 (1 to 5)", "good": "84% (8% to 90%)"}
    found = sweep.over_seeds(texts | {"named": "a (b)", "w1": 0.5})
    assert found == {
        **{"close_median": 0.05, "close_low": 0.04, "close_high": 0.16},
        **{"modes_median": 3, "modes_low": 1, "modes_high": 5},
        **{"good_median": 0.84, "good_low": 0.08, "good_high": 0.9},
    }
    assert isinstance(found["modes_low"], int)


def test_what_a_fault_costs_is_relative_to_no_fault_of_the_same_run():
    results = {"no_fault": 0.5, "only_pixels": 0.75, "only_wrong_loss": 2.0, "mended": 0.2}
    assert sweep.costs(results) == {"cost_pixels": 1.5, "cost_wrong_loss": 4.0}
    assert sweep.costs({"only_pixels": 0.75}) == {}


def test_classifiers_that_two_settings_share_are_counted_once():
    cells = [
        ("few_images", "real"),
        ("few_labels", "real"),
        ("imbalance", "real"),
        ("few_images", "both"),
        ("few_labels", "both"),
    ]
    rows = [
        {
            "run": f"{setting}/5/{seed}",
            "setting": setting,
            "num_per_class": "5",
            "seed": seed,
            "arm": arm,
        }
        for setting, arm in cells
        for seed in "01"
    ]
    assert study_numbers.counts(rows) == {"num_rows": 10, "num_runs": 6, "num_classifiers": 8}


def test_summary_of_rows_by_hand():
    # 1, 2, 6: the mean 3 has the standard error sqrt(7 / 3), and t_2(0.975) is 4.3027.
    found = sweep.summary([1.0, 6.0, 2.0])
    assert (found["median"], found["low"], found["high"]) == (2.0, 1.0, 6.0)
    assert found["mean"]["high"] - 3 == pytest.approx(4.3027 * (7 / 3) ** 0.5, rel=1e-4)
    assert found["geometric_mean"]["mean"] == pytest.approx(12 ** (1 / 3))


# --- how they are printed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("lab98.distance | fixed(4)", "0.0187"),
        ("lab98.distance | digits(2)", "0.019"),
        ("lab98.share | percent", "12%"),
        ("lab98.share | percent(1)", "12.4%"),
        ("lab98.share | points", "+12.4"),
        ("(lab98.distance - lab98.share) | signed(2)", "−0.11"),
        ("lab98.gain | interval", "+2.1 (−0.0 to +4.2)"),
        ("study.each | signed(1)", "+2.0, 0.0 and −1.3"),
        ("study.worth | fixed(0)", "592"),
        ("study.worth | digits(2)", "590"),
        ("(1000 * study.worth) | fixed", "591,700"),
        ("study.items | words", "three"),
        ("(study.worth / 100) | round(0, 'floor') | words", "five"),
        ("study.each | below(0) | words", "two"),
        ("lab98.distance | scientific(1)", r"1.9 \cdot 10^{−2}"),
        ("study.spread", "75% (9% to 76%)"),
    ],
)
def test_formats(body, text):
    assert sphinx_numbers.value_of(body, MEASURED) == text


def test_digits_after_rounding_to_the_next_power_of_ten():
    assert [sphinx_numbers.digits(x, 2) for x in (0.0996, 9.96, 99.6, 0)] == [
        "0.10",
        "10",
        "100",
        "0",
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("lab98.distence | fixed(2)", "there is no lab98.distence; near: lab98.distance"),
        ("lab99.distance | fixed(2)", "there is no lab99.distance; near: lab98.distance"),
        ("lab98.distance", "say how to print it"),
        ("lab98.gain", "a group of numbers (mean, low, high)"),
        ("lab98.gain | fixed(2)", "a group of numbers (mean, low, high), expected a number"),
        ("lab98.share | interval", "expected a group that has mean, low and high"),
        ("lab98.share | words", "expected a whole number"),
        ("lab98.share | below(1) | words", "got 0.1239, expected a list of numbers"),
        ("lab98.share | fixd(2)", "fixd"),
    ],
)
def test_what_cannot_be_printed_is_an_error_with_line_and_names(body, message):
    text = f"# Title\n\nA distance of {{{{ {body} }}}}.\n"
    with pytest.raises(sphinx_numbers.NumbersError) as error:
        sphinx_numbers.substitute(text, MEASURED, "book/98_x.md")
    assert str(error.value).startswith("book/98_x.md:3: ")
    assert message in str(error.value)


def test_braces_of_latex_and_code_are_left_alone():
    name = "{{ study.worth | fixed }}"
    text = f"""$\\frac{{{{a.b}}}}{{2}}$ and `{name}` and ``{name}``

```
{name}
```

:::{{figure}} a.png
:alt: Worth {name}.

```python
{name}
```
Worth {name} real ones, {{doc}}`01` $m = {name}$.
:::
"""
    found = sphinx_numbers.substitute(text, MEASURED)
    assert found == (
        text.replace(f"Worth {name}.", "Worth 592.")
        .replace(f"Worth {name} real", "Worth 592 real")
        .replace(f"$m = {name}$", "$m = 592$")
    )


def test_page_is_read_anew_when_numbers_change(tmp_path):
    path = tmp_path / sphinx_numbers.NUMBERS
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(MEASURED))
    noted = []
    env = SimpleNamespace(doc2path=lambda name: f"{name}.{name[0]}d", note_dependency=noted.append)
    app, source = SimpleNamespace(env=env, srcdir=str(tmp_path)), ["{{ study.worth | fixed }}"]
    sphinx_numbers.read_source(app, "lab", source)  # lab.ld is no Markdown
    assert source == ["{{ study.worth | fixed }}"]
    assert noted == []
    sphinx_numbers.read_source(app, "m", source)
    assert source == ["592"]
    assert noted == [str(path)]


# --- typed by hand -------------------------------------------------------------------------------

PAGE = """# A page

Its distance is 0.0187, as {{ lab98.distance | fixed(4) }} says.
From 10 to 12% of 60,000 images, with 592 to 800 of them, $n = 591.7$ and $(0.3 + 0.4)$.

```{figure} a_0.5.png
:width: 100%
:alt: A curve that falls to 0.019.

Caption 0.25; {cite}`x0.75`, `0.85`, [a](b0.65.md), $\\gamma = 0.95$, <!-- 0.35 -->
```

:::{exercise}
Let it be 0.55 or 0.0187.
:::

```python
x = 0.45
```
"""


def test_typed_numbers_are_found_where_they_are_prose_and_elsewhere_if_they_were_measured():
    values = MEASURED | {"lab97": {"unused": 0.95}}
    found = typed_numbers.complaints(PAGE + "{{ study.worth | fixed }}", values, "98_page", {})
    where = [line.split(" is typed")[0].removeprefix("book/98_page.md:") for line in found]
    expected = ["3: 0.0187", "4: 10%", "4: 12%", "4: 592", "4: 591.7", "4: 0.3", "4: 0.4"]
    assert where == [*expected, "8: 0.019", "10: 0.25", "14: 0.0187"]
    assert found[0].endswith("it is lab98.distance")
    assert "study.worth" in found[3]
    assert "no measured number" in found[-2]


def test_given_words_excuse_the_numbers_in_them_and_no_other(tmp_path):
    text = "A slope of\n0.2 and a share of 0.2.\n"
    found = typed_numbers.complaints(text, MEASURED, "98_page", {"slope of 0.2": "a setting"})
    assert found == [
        "book/98_page.md:2: 0.2 is typed; it is no measured number of the sections used here"
    ]
    assert typed_numbers.unused(text, {"slope of 0.2": "", "slope of 0.3": ""}) == ["slope of 0.3"]
    (tmp_path / "everywhere.yml").write_text("95% interval: a level\n")
    (tmp_path / "98_page.yml").write_text("slope of 0.2: a setting\n")
    assert typed_numbers.given("97_page", tmp_path) is None
    expected = {"95% interval": "a level", "slope of 0.2": "a setting"}
    assert typed_numbers.given("98_page", tmp_path) == expected


# --- the chapters --------------------------------------------------------------------------------


def test_every_page_is_checked():
    assert PAGES == CHECKED


@pytest.mark.parametrize("chapter", PAGES)
def test_every_name_in_a_page_is_measured(chapter):
    text = sphinx_numbers.substitute(source(chapter), VALUES, f"book/{chapter}.md")
    assert not list(sphinx_numbers.expressions(text))


@pytest.mark.parametrize("chapter", CHECKED)
def test_no_measured_number_is_typed(chapter):
    exceptions = typed_numbers.given(chapter)
    assert typed_numbers.complaints(source(chapter), VALUES, chapter, exceptions) == []
    shared = typed_numbers.given(typed_numbers.EVERYWHERE)
    own = [words for words in exceptions if words not in shared]
    assert typed_numbers.unused(source(chapter), own) == []


def test_readme_has_no_measured_number():
    """GitHub shows it as it is, so none could come there by its name."""
    text = typed_numbers.ROOT.joinpath("README.md").read_text(encoding="utf-8")
    exceptions = typed_numbers.given("README")
    assert not list(sphinx_numbers.expressions(text))
    assert list(typed_numbers.typed_by_hand(text, {}, exceptions)) == []
    shared = typed_numbers.given(typed_numbers.EVERYWHERE)
    assert typed_numbers.unused(text, [words for words in exceptions if words not in shared]) == []


def is_small(text):
    """Whether nobody could tell it from other numbers: it is round, or short, or in words."""
    typed = list(typed_numbers.numbers(text))
    return all(one.is_round or (not one.is_fraction and one.num_digits <= 2) for one in typed)


@pytest.mark.parametrize("chapter", CHECKED)
def test_each_number_of_a_page_would_be_noticed_if_it_were_typed(chapter):
    text, page, end, typed = source(chapter), "", 0, []
    for match in sphinx_numbers.expressions(text):
        page += text[end : match.start()]
        shown, end = sphinx_numbers.value_of(match["body"], VALUES), match.end()
        if not is_small(shown):
            typed.append((len(page), len(page) + len(shown), f"{match[0]}: {shown}"))
        page += shown
    page += text[end:]
    used = typed_numbers.used_values(text, VALUES, chapter)
    found = typed_numbers.typed_by_hand(page, used, typed_numbers.given(chapter))
    places = [one.place for one, _ in found]
    assert [what for a, b, what in typed if not any(a <= place < b for place in places)] == []
