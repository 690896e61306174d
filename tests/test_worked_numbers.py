"""Numbers that chapters 3 to 6 and 21 work out in their text, computed anew from definitions."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, rel_entr

from tools import first_uses


def kl(p, q):
    return rel_entr(p, q).sum()


def left_out(share):
    """Both divergences and that of the non-saturating loss, for a generator without a share."""
    data, drawn = np.array([share, 1 - share]), np.array([0.0, 1.0])
    middle = (data + drawn) / 2
    return kl(drawn, data), kl(data, middle) + kl(drawn, middle), 2 * kl(middle, data)


def slowest(*rows):
    """The rate at which the slowest motion of a game dies out."""
    return -np.linalg.eigvals(np.array(rows)).real.max()


P, Q = np.array([0.5, 0.5]), np.array([0.9, 0.1])  # of chapter 5: the second is drawn too seldom
SIGNED, SHARE = (P - Q) / (P + Q), P / (P + Q)  # the best logits for the labels -1, 1 and 0, 1
STEP = np.array([[1.0, 0.2], [-0.2, 1.0]])  # of the bilinear game, both at the same time
TURN = np.array([[1.0, 0.2], [0.0, 1.0]]) @ np.array([[1.0, 0.0], [-0.2, 1.0]])  # one by one

WORKED = [
    ("03_minimax_game", r"$H(\frac23) = {:.3f}$", stats.bernoulli(2 / 3).entropy()),
    (
        "03_minimax_game",
        "the divergence is $0.693 - 0.477 = {:.3f}$",
        (kl(np.array([1, 0]), np.array([0.75, 0.25])) + kl(np.full(2, 0.5), [0.75, 0.25])) / 2,
    ),
    *(
        ("04_training_dynamics", f"| {share} | {{:.3f}} | {{:.3f}} | {{:.3f}} |", *left_out(share))
        for share in (0.1, 0.5, 0.9)
    ),
    *(
        (
            "04_training_dynamics",
            f"| {logit} | {{:.4f}} | −{{:.4f}} | −{{:.4f}} |".replace("-", "−"),
            expit(logit),
            expit(logit),
            expit(-logit),
        )
        for logit in (-8, -4, 0, 4, 8)
    ),
    (
        "04_training_dynamics",
        r"$\sqrt{{1 + 0.04}} = {:.4f}$",
        np.linalg.norm(STEP @ np.array([1.0, 0.0])),
    ),
    (
        "04_training_dynamics",
        r"$\sqrt{{0.96^2 + 0.2^2}} = {:.3f}$",
        np.linalg.norm(TURN @ np.array([1.0, 0.0])),
    ),
    (
        "04_training_dynamics",
        "$1.0198^{{80}} = {:.1f}$",
        np.linalg.norm(np.linalg.matrix_power(STEP, 80) @ np.array([1.0, 0.0])),
    ),
    (
        "04_training_dynamics",
        r"$1 - \sqrt{{1 - \frac14}} = {:.3f}$ instead of $\frac12$",
        slowest([0, 0.5], [-0.5, -2]),
    ),
    ("04_training_dynamics", r"so $\gamma = {:.3f}$ is as fast", 2 * slowest([0, 0.5], [-0.5, -2])),
    (
        "05_losses_and_divergences",
        "is ${:.2f}$ in the first place and ${:.2f}$ in the second",
        *SIGNED,
    ),
    (
        "05_losses_and_divergences",
        r"$\frac12 \cdot 0.67^2 = {:.2f}$ a point and the first only ${:.2f}$",
        *(SIGNED[::-1] ** 2 / 2),
    ),
    ("05_losses_and_divergences", "the critic says ${:.2f}$ and ${:.2f}$", *SHARE),
    (
        "05_losses_and_divergences",
        r"$0.4 \cdot (0.222 - 0.041) = {:+.3f}$",
        (P - Q) @ (SIGNED**2 / 2),
    ),
    (
        "05_losses_and_divergences",
        "The divergence is {:.3f} in both cases",
        left_out(0.5)[1] / 2,
    ),
    (
        "06_measuring",
        "a squared standard normal number is below its mean 1, which is {:.0%}",
        stats.chi2.cdf(1, df=1),
    ),
    ("06_measuring", r"$5 / \sqrt{{1 + \frac14}} = {:.1f}$", 5 / np.sqrt(1.25)),
    (
        "21_gans_and_vaes",
        "which is {:.2f} for $s = 0.2$",
        stats.norm(scale=0.2).logpdf(0),
    ),
]


def text_of(page):
    return " ".join((first_uses.BOOK / f"{page}.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(("page", "words", "values"), [(p, w, v) for p, w, *v in WORKED])
def test_worked_number_is_that_of_the_definition(page, words, values):
    assert words.format(*values) in text_of(page)


def test_mark_in_the_figure_of_tricks_is_false_about_once_in_a_hundred_cells():
    """The deviation is that of four sets, beside which a fifth is held: t with three degrees."""
    share = stats.t.sf(5 / np.sqrt(1 + 1 / 4), df=3)
    assert 1 / share == pytest.approx(100, rel=0.1)
    assert "exceeded with a probability of about one in a hundred, on each side" in text_of(
        "06_measuring"
    )
    assert 1 <= 120 * share <= 2
    assert "Among 120 cells one or two false marks are to be expected" in text_of("06_measuring")
