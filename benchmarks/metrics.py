"""Time and peak memory of the metrics, beside the ways in which public libraries take them.

Every call has a process of its own. Its memory is what the peak of the process grew by during the
call: the features and the libraries are there before. The ways are re-implemented from the formulas
that the libraries document, each with the library's own choice of precision and decomposition.
"""

import functools
import resource
import statistics
import sys
import time

import numpy as np

from benchmarks import recipe, results, worker
from ganbook import kept

SIZES = ((10_000, 128), (50_000, 2_048))
NUM_REPEATS = 3
SUBSET_SIZE, NUM_SUBSETS = 1_000, 100  # of the kernel distance, as libraries have it
# name -> (metric, title, where this way is documented); its function below has the same name
WAYS = {
    "frechet ganlib": ("Fréchet distance", "ganlib", "ganlib/metrics/_distances.py"),
    "frechet scipy": (
        "Fréchet distance",
        "scipy.linalg.sqrtm",
        "https://github.com/mseitzer/pytorch-fid and https://github.com/GaParmar/clean-fid",
    ),
    "frechet torch": (
        "Fréchet distance",
        "torch.linalg.eigvals",
        "https://github.com/Lightning-AI/torchmetrics",
    ),
    "frechet torch eigh": (
        "Fréchet distance",
        "torch.linalg.eigh, float32",
        "https://github.com/crowsonkb/k-diffusion",
    ),
    "kernel ganlib": ("kernel distance", "ganlib", "ganlib/metrics/_distances.py"),
    "kernel numpy": (
        "kernel distance",
        "NumPy, float32",
        "https://github.com/GaParmar/clean-fid",
    ),
}


def run(bench):
    """Makes the calls that are missing, ways in turn.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    protocol = {
        "sizes": [[300, 8]] if bench.quick else [list(size) for size in SIZES],
        "num_repeats": 1 if bench.quick else NUM_REPEATS,
        "subset_size": 100 if bench.quick else SUBSET_SIZE,
        "num_subsets": 3 if bench.quick else NUM_SUBSETS,
    }
    ways = [way for way in WAYS if way in (bench.only or WAYS)]
    if any("torch" in way for way in ways) and not bench.torch():
        ways = [way for way in ways if "torch" not in way]
    part = results.Part("metrics", bench.output)
    runs = plan(protocol, ways)
    missing = part.missing(runs)
    with bench.bar("metrics", len(missing), "call") as bar:
        for call in missing:
            bar.set_postfix_str(call.name)
            start = time.perf_counter()
            with worker.Worker("metrics", call.parameters) as process:
                answer = process.ask()
            part.store.put(call, answer, seconds=time.perf_counter() - start)
            bar.update()
    part.store.only({call.name for call in runs})
    part.write(protocol, summary=summary(part.found(runs)))


def plan(protocol, ways):
    """Returns the calls, a list of `kept.Run` in which the ways take turns.

    Args:
        protocol: dict with ``sizes``, ``num_repeats``, ``subset_size`` and ``num_subsets``.
        ways: names of `WAYS`.
    """
    subsets = [protocol["subset_size"], protocol["num_subsets"]]
    return [
        kept.Run(
            f"{way} {n}×{d} {repeat}",
            recipe.key(("benchmarks.metrics", "serve"), ("benchmarks.metrics", _function(way))),
            {"name": way, "num_rows": n, "num_features": d, "subsets": subsets},
            packages=(*kept.PACKAGES, *{"scipy", "torch"}.intersection(way.split())),
        )
        for n, d in protocol["sizes"]
        for repeat in range(protocol["num_repeats"])
        for way in ways
    ]


def _function(way):
    return way.replace(" ", "_")


def summary(runs):
    """Returns medians over the repeats: a list of dicts, one for each way and size."""
    groups = {}
    for one in runs.values():
        groups.setdefault((one["num_rows"], one["num_features"], one["name"]), []).append(one)
    return [
        {
            "metric": WAYS[way][0],
            "title": WAYS[way][1],
            "source": WAYS[way][2],
            "num_rows": n,
            "num_features": d,
            "seconds": statistics.median(one["seconds"] for one in ones),
            "megabytes": statistics.median(one["megabytes"] for one in ones),
            "value": ones[0]["value"],
        }
        for (n, d, way), ones in groups.items()
    ]


# ---- the process that calls --------------------------------------------------------------------


def features(num_rows, num_features):
    """Returns real and fake features (num_rows, num_features), float32, as a ReLU leaves them.

    They are mixtures of few factors and noise, with a spectrum that falls, as that of a network's
    last layer does. Rows are made in blocks, so that making them leaves no peak of memory.
    """
    arrays = []
    for seed, shift in ((0, 0.0), (1, 0.1)):
        rng = np.random.default_rng(seed)
        mixing = np.random.default_rng(2).normal(size=(32, num_features)).astype(np.float32)
        mixing *= np.linspace(1, 0.05, 32, dtype=np.float32)[:, None]
        found = np.empty((num_rows, num_features), np.float32)
        for start in range(0, num_rows, 1000):
            size = min(1000, num_rows - start)
            block = rng.standard_normal((size, 32), np.float32) @ mixing + np.float32(shift)
            block += 0.3 * rng.standard_normal((size, num_features), np.float32)
            found[start : start + size] = np.maximum(block, 0)
        arrays.append(found)
    return arrays


def frechet_ganlib(real, fake):
    """The Fréchet distance of this repository."""
    from ganlib import metrics

    return metrics.frechet_distance(real, fake)


def frechet_scipy(real, fake):
    """The Fréchet distance by the square root of a matrix that is not symmetric."""
    from scipy import linalg

    means = [np.mean(x, axis=0) for x in (real, fake)]
    covariances = [np.cov(x, rowvar=False) for x in (real, fake)]
    root = linalg.sqrtm(covariances[0].dot(covariances[1]))
    difference = means[0] - means[1]
    traces = sum(np.trace(c) for c in covariances)
    return float(difference.dot(difference) + traces - 2 * np.trace(root.real))


def frechet_torch(real, fake):
    """The Fréchet distance by the eigenvalues of the product, from sums as they are gathered."""
    import torch

    means, covariances = [], []
    for x in (real, fake):
        x = torch.from_numpy(x).double()
        total, products = x.sum(0), x.t().mm(x)
        means.append(total / len(x))
        covariances.append((products - len(x) * torch.outer(means[-1], means[-1])) / (len(x) - 1))
    difference = (means[0] - means[1]).square().sum()
    traces = covariances[0].trace() + covariances[1].trace()
    roots = torch.linalg.eigvals(covariances[0] @ covariances[1]).sqrt().real.sum()
    return float(difference + traces - 2 * roots)


def frechet_torch_eigh(real, fake):
    """The Fréchet distance by two symmetric square roots, in the features' own precision."""
    import torch

    def root(matrix):
        values, vectors = torch.linalg.eigh(matrix)
        return vectors * values.abs().sqrt() @ vectors.t()

    real, fake = torch.from_numpy(real), torch.from_numpy(fake)
    difference = (real.mean(0) - fake.mean(0)).square().sum()
    tiny = 1e-8 * torch.eye(real.shape[1])
    covariances = [torch.cov(x.t()) + tiny for x in (real, fake)]
    outer = root(covariances[0])
    inner = root(outer @ covariances[1] @ outer)
    return float(difference + torch.trace(covariances[0] + covariances[1] - 2 * inner))


def kernel_ganlib(real, fake, subset_size, num_subsets):
    """The kernel distance of this repository."""
    from ganlib import metrics

    return metrics.kernel_distance(real, fake, subset_size=subset_size, num_subsets=num_subsets)


def kernel_numpy(real, fake, subset_size, num_subsets):
    """The kernel distance as the mean over subsets, in the features' own precision."""
    rng, total, num_features = np.random.default_rng(0), 0.0, real.shape[1]
    for _ in range(num_subsets):
        x = fake[rng.choice(len(fake), subset_size, replace=False)]
        y = real[rng.choice(len(real), subset_size, replace=False)]
        within = (x @ x.T / num_features + 1) ** 3 + (y @ y.T / num_features + 1) ** 3
        across = (x @ y.T / num_features + 1) ** 3
        pairs = (within.sum() - np.diag(within).sum()) / (subset_size - 1)
        total += pairs - across.sum() * 2 / subset_size
    return float(total / num_subsets / subset_size)


def way_function(name, subset_size, num_subsets):
    """Returns the function of real and fake features that a way's name leads to."""
    function = globals()[_function(name)]
    if name.startswith("frechet"):
        return function
    return functools.partial(function, subset_size=subset_size, num_subsets=num_subsets)


def peak_megabytes():
    """Returns the most memory that this process has held, in MB; macOS counts bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def serve(arguments, channel):
    """Makes one call."""
    channel.receive()
    function = way_function(arguments["name"], *arguments["subsets"])
    way_function(arguments["name"], 100, 1)(*features(300, 8))  # loads its libraries
    real, fake = features(arguments["num_rows"], arguments["num_features"])
    before, start = peak_megabytes(), time.perf_counter()
    value = function(real, fake)
    seconds = time.perf_counter() - start
    channel.send(seconds=seconds, megabytes=peak_megabytes() - before, value=value)
