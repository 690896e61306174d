"""The style of the book's figures: their colours, their size, their type."""

import matplotlib.pyplot as plt

# Each colour has a contrast of at least 3 on white, and the ones drawn together stay apart for the
# common kinds of colour blindness.
REAL = "#0072B2"  # blue
FAKE = "#D55E00"  # vermilion
GENERATOR = "#8F2D7B"  # purple
DISCRIMINATOR = "#00562F"  # dark green
REFERENCE = "#6B6B6B"  # grey: optima, chance levels
INK = "#222222"  # text and axes
PAPER = "#FFFFFF"  # white where nothing changes it; the book's pages put their own in its place
OPACITY = 0.85  # of dots and bars that overlap others; keeps the contrast

WIDTH = 6.0  # inches; on a phone, 350 CSS pixels, text of 12 points is then 10 pixels high
DPI = 96  # a figure's pixel is a CSS pixel, and 12 points are 16 of them, as a page's text

STYLE = {
    "figure.dpi": DPI,
    "savefig.dpi": 2 * DPI,
    "figure.figsize": (WIDTH, 3.4),
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.prop_cycle": plt.cycler(color=[REAL, FAKE, DISCRIMINATOR, GENERATOR, REFERENCE]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "font.sans-serif": ["DejaVu Sans"],  # which Matplotlib brings, and measures the text with
    "font.size": 12,
    "image.interpolation": "none",  # an SVG keeps a pixel as a pixel
    "legend.fontsize": 11,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 11,
    "ytick.color": INK,
    "ytick.labelsize": 11,
}


def use_style() -> None:
    """Give every later Matplotlib figure of this process the book's style.

    Example:
        >>> use_style()
        >>> plt.rcParams["figure.figsize"]
        [6.0, 3.4]
        >>> plt.rcdefaults()
    """
    plt.rcParams.update(STYLE)
