"""The style of the book's figures: their colours, their size, their type."""

import functools

import matplotlib.pyplot as plt

# Each colour has a contrast of at least 3 on white, and the ones drawn together stay apart for the
# common kinds of colour blindness.
REAL = "#0072B2"  # blue
FAKE = "#D55E00"  # vermilion
GENERATOR = "#8F2D7B"  # purple
DISCRIMINATOR = "#00562F"  # dark green
REFERENCE = "#6B6B6B"  # grey: optima, chance levels
INK = "#222222"  # text and axes
PAPER = "#FFFFFF"  # opaque, so that figures also read on a dark page
OPACITY = 0.85  # of dots and bars that overlap others; keeps the contrast

WIDTH = 6.0  # inches; on a phone, 350 CSS pixels, text of 12 points is then 10 pixels high
DPI = 128

STYLE = {
    "figure.dpi": DPI,
    "savefig.dpi": "figure",
    "figure.figsize": (WIDTH, 3.4),
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.prop_cycle": plt.cycler(color=[REAL, FAKE, DISCRIMINATOR, GENERATOR, REFERENCE]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "font.size": 12,
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


def figure_function(draw):
    """Draw in the book's style, then take the figure out of pyplot, which would show it again.

    Args:
        draw: A function that makes figures with pyplot.

    Returns:
        The function with the same arguments and result. It changes no setting.
    """

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        already_open = set(plt.get_fignums())
        try:
            with plt.rc_context(STYLE):
                return draw(*args, **kwargs)
        finally:
            for number in set(plt.get_fignums()) - already_open:
                plt.close(number)

    return wrapper
