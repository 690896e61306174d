"""The tool that names what a rewriting of the book's pages lost."""

import pytest

from tools import compare_prose

PAGE = """# 2 · Two networks

We want 10,000 images {cite:p}`goodfellow2014generative,xiao2017fashion`. See {doc}`07_dcgan`, which
has 64 channels; it gains {{ lab07.gain | percent }}. For every $z \\in A$,

$$
p_g(A) = p_z(A)
$$ (eq-push)

it holds, and

$$
a = b.
$$

It ends.

:::{prf:theorem} Inverse
:label: thm-inverse

If $F$ is 0.5, stop.
:::

```{figure} _static/two_9.svg
:name: fig-two
:alt: Eleven

The caption has 3 words.
```

```python
x = 1  # No sentence. None.
```

Here is prose again.
"""


def test_contents_of_a_page():
    found = compare_prose.contents(PAGE)
    assert found["number"] == {
        "10,000": 1,
        "64": 1,
        "0.5": 1,
        "3": 1,
        "1": 1,
        "2": 1,
        "{{ lab07.gain | percent }}": 1,
    }
    assert found["formula"] == {"z \\in A": 1, "p_g(A) = p_z(A)": 1, "F": 1, "a = b.": 1}
    assert found["citation"] == {"goodfellow2014generative": 1, "xiao2017fashion": 1}
    assert found["label"] == {"eq-push": 1, "thm-inverse": 1, "fig-two": 1}


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [
        ("10,000", "1,000", "a: number 10,000"),
        ("{{ lab07.gain | percent }}", "5%", "a: number {{ lab07.gain | percent }}"),
        ("$z \\in A$", "$z$", "a: formula z \\in A"),
        ("p_g(A)", "p_g(B)", "a: formula p_g(A) = p_z(A)"),
        (",xiao2017fashion", "", "a: citation xiao2017fashion"),
        ("eq-push", "eq-pull", "a: label eq-push"),
        (":label: thm-inverse\n", "", "a: label thm-inverse"),
    ],
)
def test_what_is_lost_is_named(was, becomes, expected):
    assert was in PAGE
    lost, moved = compare_prose.compare({"a": PAGE}, {"a": PAGE.replace(was, becomes)})
    assert lost == [expected]
    assert moved == []


def test_nothing_is_lost_by_other_words_and_lines():
    other = PAGE.replace("We want", "What we\nwould like to have are").replace(
        "p_g(A) =", "p_g(A)\n="
    )
    assert compare_prose.compare({"a": PAGE}, {"a": other}) == ([], [])


def test_what_moves_to_another_page_is_told_apart_from_what_is_lost():
    theorem = PAGE[PAGE.index(":::{prf") : PAGE.index("```{figure")]
    after = {"a": PAGE.replace(theorem, ""), "b": theorem}
    lost, moved = compare_prose.compare({"a": PAGE, "b": ""}, after)
    assert lost == []
    assert moved == ["a: number 0.5 -> b", "a: formula F -> b", "a: label thm-inverse -> b"]
    assert compare_prose.compare({"a": PAGE, "b": ""}, after, pages=["b"]) == ([], [])


def test_number_that_another_page_had_before_is_lost():
    old = {"a": "It is 7.", "b": "There are 7."}
    new = {"a": "It is many.", "b": "There are 7."}
    assert compare_prose.compare(old, new) == (["a: number 7"], [])
    assert compare_prose.compare(old, {**new, "b": "7 and 7."}) == ([], ["a: number 7 -> b"])


def test_sentences_are_counted():
    found = compare_prose.sentences(PAGE)
    assert found == [
        "We want 10,000 images goodfellow2014generative,xiao2017fashion .",
        "See 07_dcgan , which has 64 channels",
        "it gains 0.",
        "For every FORMULA, FORMULA it holds, and FORMULA.",
        "It ends.",
        "If FORMULA is 0.5, stop.",
        "The caption has 3 words.",
        "Here is prose again.",
    ]
    text = "One two three. " * 3 + " ".join(["word"] * 20) + "."
    assert compare_prose.figures(text.replace("word", "A", 1)) == (4, 0.75, 3)


def test_pages_of_a_revision_are_those_of_git():
    pages = compare_prose.pages_at(None)
    assert "02_two_networks" in pages
