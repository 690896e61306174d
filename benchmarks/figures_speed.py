"""Figures of what the bench measured of steps, metrics and growth; see `figures`."""

import numpy as np
from matplotlib.ticker import FuncFormatter, NullLocator

from ganlib import viz

_ROUND = [m * 10**k for k in range(-1, 6) for m in (1, 2, 5)]
_FINE = [m * 10**k for k in range(6) for m in (1, 1.2, 1.5, 2, 3, 4, 5, 6, 8)]


def plain_numbers(axis, ticks):
    """Labels those of the given ticks of a logarithmic axis that lie in view, as plain numbers.

    Args:
        axis: Matplotlib's axis.
        ticks: list of numbers.
    """
    axis.set_minor_locator(NullLocator())
    low, high = sorted(axis.get_view_interval())
    axis.set_ticks([t for t in ticks if low <= t <= high])
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


# ---- throughput -------------------------------------------------------------------------------


@viz.figure_function
def throughput(contents):
    """Milliseconds of a step: every block as a small dot, the median as a large one.

    Args:
        contents: of the part "throughput", as `results.load` has it.

    Returns:
        The figure: the step with penalty and average above, without them below.
    """
    modes = {"full": "with R1 and moving average", "bare": "without"}
    first = contents["summary"]["full"]["contestants"]
    figure, panels = viz.figure(2, height=1.3 + 0.72 * len(first), sharex=True)
    for axes, (mode, title) in zip(panels, modes.items(), strict=True):
        found = contents["summary"][mode]["contestants"]
        blocks = [run for run in contents["runs"].values() if run["mode"] == mode]
        for row, (name, one) in enumerate(found.items()):
            colour = viz.GENERATOR if name == "ganlib" else viz.REFERENCE
            times = [1e3 * block["seconds"][name]["step"] for block in blocks]
            axes.plot(times, [row] * len(times), "o", ms=4, color=colour, alpha=0.45, mew=0)
            axes.plot(one["milliseconds"], row, "o", ms=9, color=colour)
            axes.annotate(
                f"{one['images_per_second']:,.0f} images/s",
                (max(times), row),
                (9, 0),
                textcoords="offset points",
                va="center",
                fontsize=10.5,
                color=colour,
            )
        axes.set_yticks(range(len(found)), [one["title"] for one in found.values()])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_title(title)
        axes.margins(x=0.02)
    right = max(1e3 * s["step"] for r in contents["runs"].values() for s in r["seconds"].values())
    panels[1].set(xlim=(0, 1.45 * right), xlabel="milliseconds a step")
    return figure


@viz.figure_function
def step_parts(contents, mode="full"):
    """Where the milliseconds of a step go: forward, backward, and all that follows.

    Args:
        contents: of the part "throughput", as `results.load` has it.
        mode: "full" or "bare".

    Returns:
        The figure.
    """
    found = contents["summary"][mode]["contestants"]
    parts = {
        "forward": ("forward passes", viz.REAL),
        "backward": ("gradients", viz.FAKE),
        "rest": ("updates, penalty, average", viz.DISCRIMINATOR),
    }
    figure, axes = viz.figure(height=1.3 + 0.42 * len(found))
    left = np.zeros(len(found))
    for part, (label, colour) in parts.items():
        widths = np.array([max(one[part], 0) for one in found.values()])
        axes.barh(range(len(found)), widths, left=left, color=colour, label=label, height=0.62)
        left += widths
    axes.set_yticks(range(len(found)), [one["title"] for one in found.values()])
    axes.set(ylim=(len(found) - 0.4, -0.6), xlabel="milliseconds a step")
    figure.legend(loc="outside upper left", ncols=3, columnspacing=1, handlelength=1.2)
    return figure


# ---- limit ------------------------------------------------------------------------------------


@viz.figure_function
def roofline(contents):
    """What each pass of the step could reach by its intensity, and what the step does reach.

    Args:
        contents: of the part "limit", as `results.load` has it.

    Returns:
        The figure: operations a second against operations for each byte, on logarithmic axes.
    """
    found = contents["runs"]["step"]
    rate, bandwidth, step = found["rate"], found["bandwidth"], found["modes"]["full"]
    rows = [(p[3] / p[4], p[3]) for p in found["counts"]["passes"]["full"] if p[3]]
    intensities, flops = np.array(rows).T
    reach = np.minimum(rate, intensities * bandwidth)
    figure, axes = viz.figure(height=4.2)
    low, high = min(0.3, intensities.min() / 2), max(300, 2 * intensities.max())
    line = np.geomspace(low, high, 200)
    axes.plot(line, np.minimum(rate, line * bandwidth) / 1e9, color=viz.INK, lw=1.6)
    sizes = 20 + 380 * flops / flops.max()
    axes.scatter(
        intensities, reach / 1e9, sizes, color=viz.REAL, alpha=0.55, lw=0, label="layers' passes"
    )
    reached = step["flops"] / step["seconds"]
    place = step["flops"] / step["bytes"]
    axes.plot(place, reached / 1e9, "o", ms=10, color=viz.GENERATOR)
    axes.annotate(
        f"the step: {step['fraction_of_bound']:.0%} of its bound",
        (place, reached / 1e9),
        (10, 0),
        textcoords="offset points",
        va="center",
        color=viz.GENERATOR,
    )
    axes.text(high, 1.35 * rate / 1e9, f"{rate / 1e9:,.0f} GFLOP/s", ha="right", va="bottom")
    middle = low * 1.5
    axes.annotate(
        f"{bandwidth / 1e9:.0f} GB/s",
        (middle, middle * bandwidth / 1e9),
        (10, -4),
        textcoords="offset points",
        va="top",
    )
    axes.set(xscale="log", yscale="log", xlabel="operations for each byte of memory traffic")
    axes.set_title("10⁹ operations a second", pad=8)
    axes.set(xlim=(low, high), ylim=(min(reached, bandwidth * low) / 4e9, 2.2 * rate / 1e9))
    plain_numbers(axes.xaxis, [0.1, 1, 10, 100, 1000])
    plain_numbers(axes.yaxis, [0.1, 1, 10, 100, 1000, 10_000, 100_000])
    return figure


# ---- metrics and growth -----------------------------------------------------------------------


@viz.figure_function
def metric_costs(contents):
    """Seconds and peak memory of the metrics and of other ways to take them.

    Args:
        contents: of the part "metrics", as `results.load` has it.

    Returns:
        The figure: seconds on the left, memory on the right, both logarithmic.
    """
    rows = contents["summary"]
    rows = sorted(rows, key=lambda r: (r["num_rows"], r["metric"], r["title"] != "ganlib"))
    figure, panels = viz.figure(1, 2, height=1.2 + 0.42 * len(rows), sharey=True)
    columns = (("seconds", "seconds", 1e-3), ("megabytes", "MB", 1.0))
    for axes, (key, title, least) in zip(panels, columns, strict=True):
        for y, row in enumerate(rows):
            colour = viz.GENERATOR if row["title"] == "ganlib" else viz.REFERENCE
            value = max(row[key], least)
            axes.plot(value, y, "o", ms=8, color=colour)
            axes.annotate(
                "under 1"
                if value > row[key]
                else f"{value:,.0f}"
                if value >= 100
                else f"{value:.2g}",
                (value, y),
                (8, 0),
                textcoords="offset points",
                va="center",
                fontsize=10,
            )
        axes.set(xscale="log", xlabel=title)
        axes.margins(x=0.3)
        plain_numbers(axes.xaxis, [10.0**k for k in range(-3, 6, 1 if key == "seconds" else 2)])
    names = [f"{r['metric']}, {r['num_features']:,}\n{r['title']}" for r in rows]
    panels[0].set_yticks(range(len(rows)), names, fontsize=9.5)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure


@viz.figure_function
def growth(contents):
    """Time of a step, and memory, against what grows.

    Args:
        contents: of the part "growth", as `results.load` has it.

    Returns:
        The figure: time above, peak memory below, a column for each setting.
    """
    titles = {
        "batch_size": "batch",
        "width": "width",
        "image_size": "side",
        "num_images": "images",
    }
    figure, panels = viz.figure(2, len(titles), height=4.6, sharey="row")
    for column, (name, title) in enumerate(titles.items()):
        runs = [run for run in contents["runs"].values() if run.get("name") == name]
        runs.sort(key=lambda run: run["value"])
        values = [run["value"] for run in runs]
        for axes, key, factor in zip(
            panels[:, column], ("seconds", "megabytes"), (1e3, 1), strict=True
        ):
            heights = [factor * run[key] for run in runs]
            axes.plot(values, heights, "o-", color=viz.GENERATOR, ms=5)
            axes.set(xscale="log", yscale="log")
            axes.xaxis.set_minor_locator(NullLocator())
            shown = [values[0], values[-1]]
            axes.set_xticks(shown, [f"{v // 1000}k" if v >= 1000 else str(v) for v in shown])
        panels[0, column].tick_params(labelbottom=False)
        panels[1, column].set_xlabel(title)
    every = [run for run in contents["runs"].values() if "value" in run]
    for row, key, factor in ((0, "seconds", 1e3), (1, "megabytes", 1)):
        heights = [factor * run[key] for run in every]
        wide = max(heights) > 4 * min(heights)
        ticks = [
            t for t in (_ROUND if wide else _FINE) if min(heights) / 2 <= t <= 2 * max(heights)
        ]
        plain_numbers(panels[row, 0].yaxis, ticks)
    panels[0, 0].set_title("milliseconds a step")
    panels[1, 0].set_title("MB at most")
    return figure
