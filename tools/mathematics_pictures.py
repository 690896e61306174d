"""The pictures of the appendix on mathematics: `python tools/mathematics_pictures.py`.

It writes book/_static/math_*.svg, one for each section of book/mathematics_used_here.md. Each is
computed from the example of its section, so that the text can be checked against it.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python tools/mathematics_pictures.py` finds the library

from ganlib import viz  # noqa: E402, after the line that makes it importable

STATIC = ROOT / "book/_static"

# Three heaps on a line that become three others: the example of linear programmes.
PLACES = np.array([0.0, 1.0, 3.0])
HEAPS, HOLES = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
PRICES = np.array([0.0, -1.0, -3.0])

MATRIX = np.array([[1.2, 0.8], [-0.3, 0.9]])  # the example of singular values


def normal(x, mean, std):
    """Returns the density of a normal number."""
    return np.exp(-(((x - mean) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))


def measures():
    """Two densities, one with a point mass, and the share of the first in the sum of both."""
    x = np.linspace(-3, 4, 500)
    p, q = normal(x, 0, 1), 0.6 * normal(x, 1.5, 0.7)
    figure, (above, below) = viz.figure(2, height=4.6, sharex=True)
    above.plot(x, p, color=viz.REAL, label="P")
    above.plot(x, q, color=viz.FAKE, label="Q")
    above.vlines(-1, 0, 0.4, color=viz.FAKE, lw=3)
    above.plot(-1, 0.4, "o", color=viz.FAKE)
    above.text(-1.15, 0.36, "Q: mass 0.4 here", color=viz.FAKE, ha="right")
    above.set(ylim=(0, 0.5), ylabel="density")
    below.plot(x, p / (p + q), color=viz.DISCRIMINATOR, label="P's share")
    below.plot(-1, normal(-1.0, 0, 1) / (normal(-1.0, 0, 1) + 0.6 * normal(-1.0, 1.5, 0.7)), "o",
               color=viz.PAPER, markeredgecolor=viz.DISCRIMINATOR)  # fmt: skip
    below.plot(-1, 0, "o", color=viz.DISCRIMINATOR)
    below.set(ylim=(-0.08, 1.08), xlim=(-3, 4), xlabel="x", ylabel="dP / d(P + Q)")
    for axis in (above, below):
        viz.label_ends(axis)
    return figure


def convex():
    """A convex function with a tangent, and its conjugate."""
    u, t = np.linspace(0.001, 3, 300), np.linspace(-1.5, 2.2, 300)
    touch = 1.6
    slope = 1 + np.log(touch)
    figure, (left, right) = viz.figure(1, 2, height=3.3)
    left.plot(u, u * np.log(u), color=viz.REAL, label="f(u) = u log u")
    left.plot(u, slope * u - np.exp(slope - 1), color=viz.FAKE, ls="--", label="slope t")
    left.plot([0, touch], [-touch, touch * np.log(touch)], "o", color=viz.FAKE)
    left.text(0.1, -1.75, "−f*(t)", color=viz.FAKE)
    left.axhline(0, color=viz.REFERENCE, lw=0.6)
    left.set(xlim=(0, 3), ylim=(-2, 3.6), xlabel="u")
    right.plot(t, np.exp(t - 1), color=viz.REAL, label="f*(t)")
    right.plot(slope, touch, "o", color=viz.FAKE)
    right.axhline(0, color=viz.REFERENCE, lw=0.6)
    right.set(xlim=(-1.5, 2.2), ylim=(-0.4, 3.4), xlabel="t")
    for axis in (left, right):
        viz.label_ends(axis)
    return figure


def singular():
    """A circle, and the ellipse that a matrix makes of it."""
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    left_vectors, values, right_vectors = np.linalg.svd(MATRIX)
    figure, panels = viz.figure(1, 2, height=3.2, sharex=True, sharey=True)
    outlines = circle, MATRIX @ circle
    ends = right_vectors, (left_vectors * values).T
    for axis, outline, vectors, title in zip(
        panels, outlines, ends, ("v₁ and v₂", "W v₁ and W v₂"), strict=True
    ):
        axis.plot(*outline, color=viz.INK)
        for vector, colour in zip(vectors, (viz.REAL, viz.FAKE), strict=True):
            axis.annotate("", vector, (0, 0), arrowprops={"arrowstyle": "->", "color": colour})
            axis.text(*(1.25 * vector), f"{np.linalg.norm(vector):.2f}", color=colour, ha="center")
        axis.set(xlim=(-1.9, 1.9), ylim=(-1.5, 1.5), aspect="equal", title=title)
    return figure


def stability():
    """Where eigenvalues must lie, for motions and for steps, and three orbits."""
    figure, panels = viz.figure(1, 3, height=2.5, sharex=True, sharey=True)
    times = np.linspace(0, 14, 400)
    for axis, (real, title) in zip(
        panels, ((-0.2, "−0.2 ± i"), (0.0, "± i"), (0.1, "0.1 ± i")), strict=True
    ):
        path = 0.6 * np.exp((real + 1j) * times)
        axis.plot(path.real, path.imag, color=viz.GENERATOR)
        axis.plot(path.real[0], path.imag[0], "o", color=viz.INK)
        axis.plot(0, 0, "+", color=viz.INK, ms=10)
        axis.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", title=title, xticks=[], yticks=[])
    return figure


def programmes():
    """Three heaps and three holes, a plan between them, and the prices that no plan can beat."""
    figure, (above, below) = viz.figure(2, height=4.2, sharex=True)
    above.bar(PLACES, HEAPS, width=0.24, color=viz.REAL)
    above.bar(PLACES, -HOLES, width=0.24, color=viz.FAKE)
    above.axhline(0, color=viz.INK, lw=0.8)
    arrow = {"arrowstyle": "->", "color": viz.INK, "connectionstyle": "arc3,rad=-0.25"}
    above.annotate("", (2.86, 0.1), (0.14, 0.3), arrowprops=arrow)
    above.text(1.5, 0.5, "carry 0.4 over 3", ha="center", va="bottom")
    above.set(ylim=(-0.7, 0.75), ylabel="heaps, holes", yticks=[-0.6, 0, 0.5])
    below.plot(PLACES, PRICES, "o-", color=viz.DISCRIMINATOR, label="price f")
    below.set(xlim=(-0.4, 3.9), ylim=(-3.4, 0.4), xlabel="place", ylabel="price", xticks=PLACES)
    viz.label_ends(below)
    return figure


def u_statistics(num_draws=20_000):
    """Which pairs count, and how estimates of nothing are spread."""
    figure, (left, right) = viz.figure(1, 2, height=3.1)
    for i in range(7):
        for j in range(7):
            colour = viz.FAKE if i == j else viz.REAL
            left.add_patch(Rectangle((j, i), 0.9, 0.9, color=colour, alpha=1 if i == j else 0.35))
    left.set(xlim=(0, 7), ylim=(7, 0), aspect="equal", xticks=[], yticks=[], title="pairs (i, j)")
    rows = np.random.default_rng(0).normal(size=(num_draws, 20))
    estimates = (rows.sum(1) ** 2 - (rows**2).sum(1)) / (20 * 19)  # of the squared mean, which is 0
    right.hist(estimates, np.linspace(-0.06, 0.25, 60), density=True, color=viz.REAL, alpha=0.6)
    right.axvline(0, color=viz.INK, lw=0.8)
    share = np.mean(estimates < 0)
    right.text(0.05, 0.8, f"{share:.0%} below 0,\nmean {abs(estimates.mean()):.3f}",
               transform=right.get_xaxis_transform())  # fmt: skip
    right.set(xlabel="estimate of 0", yticks=[])
    return figure


PICTURES = {
    "measures": measures,
    "convex": convex,
    "singular": singular,
    "stability": stability,
    "programmes": programmes,
    "u_statistics": u_statistics,
}


def main():
    for name, draw in PICTURES.items():
        path = STATIC / f"math_{name}.svg"
        draw().savefig(path)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
