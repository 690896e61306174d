"""What a GPU does with ganlib: ``make gpu-check``, for whoever has one.

    python -m tools.gpu_check                  all checks, about eight minutes on a GPU
    python -m tools.gpu_check --only resume    one of them, or several
    python -m tools.gpu_check --quick          as little as shows that it works

Each measurement is a process of its own (`tools.gpu_parts`), so that a crash concerns one row. A
check begins only while there is time for it. Without a GPU, what needs one is left out by name, and
the rest is done on the CPU, at sizes for it. The numbers are written to ``build/gpu-check/
results.json`` after each check, and to ``page.md`` in words.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "gpu-check"
CPU = {"CUDA_VISIBLE_DEVICES": "-1"}  # the environment of a process that is to compute on the CPU
NEEDS_GPU = "needs a GPU that TensorFlow uses"
CLOSE = 1e-3  # of float32: rounding that 20 steps of plain descent have let grow
COMPARED = {"num_steps": 20, "descent": 0.05, "tf32": False}  # Adam would magnify rounding


@dataclasses.dataclass
class Sizes:
    """How much is done: on a GPU, on a CPU, or to see that it works."""

    side: int = 8192
    values: int = 2**28
    timed_steps: int = 1000
    batch_sizes: tuple = (64, 256, 1024)
    wide: int = 64
    quality_steps: int = 7000
    num_images: int = 10_000


ON_CPU = Sizes(1024, 2**24, 150, (64, 256), 16, 500, 2000)
QUICK = Sizes(64, 2**12, 100, (8,), 4, 50, 100)


class NoAnswerError(Exception):
    """A measurement that came to no answer; the message is its last line."""


class Bench:
    """Asks processes for measurements, and knows what is here and how much time is left.

    Attributes:
        sizes: a `Sizes`.
        machine: the answer of the part "machine", {} before.
        gpus: number of GPUs that TensorFlow uses.

    Args:
        folder: where files go.
        minutes: after so many no further measurement begins.
        quick: whether to do as little as shows that it works.
    """

    def __init__(self, folder, minutes=8.0, quick=False):
        self.folder, self.quick = Path(folder), quick
        self.end = time.monotonic() + 60 * minutes
        self.machine, self.gpus, self.sizes = {}, 0, QUICK if quick else ON_CPU

    def ask(self, part, environment=None, seconds=150, **about):
        """Returns a part's answer, a dict; raises `NoAnswerError` if there is none."""
        left = self.end - time.monotonic()
        if left < 0:
            raise NoAnswerError("left out: the time is over (--minutes gives more)")
        settings = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tools.gpu_parts", part, json.dumps(about)],
                cwd=ROOT,
                env=os.environ | settings | (environment or {}),
                capture_output=True,
                text=True,
                timeout=seconds if self.gpus else 4 * seconds,
            )
        except subprocess.TimeoutExpired:
            raise NoAnswerError(f"no answer after {seconds} seconds") from None
        if done.returncode:
            raise NoAnswerError(f"failed: {(done.stderr.strip() or '?').splitlines()[-1][:300]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def weights(self, name):
        """Returns the path of a file of weights, where none is yet."""
        path = self.folder / f"{name}.npz"
        path.unlink(missing_ok=True)
        return str(path)


def distance(first, second):
    """Returns the norm of the difference of two files of weights, over that of the first.

    Array by array it would say little: a bias before a batch normalisation has the gradient 0, and
    what it learns is rounding.
    """
    with np.load(first) as a, np.load(second) as b:
        squares = [(np.sum((a[name] - b[name]) ** 2), np.sum(a[name] ** 2)) for name in a.files]
    difference, size = np.sum(squares, axis=0)
    return float(np.sqrt(difference / size))


# ---- checks: each is given a Bench and yields rows (name, value, verdict) ----------------------


def machine(bench):
    """What computes, what it can do at most, and whether TensorFlow was built for it."""
    sizes = QUICK if bench.quick else Sizes()
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    start = bench.ask("machine", side=sizes.side if bench.quick else 1024, values=2**20)
    bench.gpus = 0 if hidden else start["gpus"]
    if bench.gpus and not bench.quick:
        bench.sizes = sizes
        start = bench.ask("machine", side=sizes.side, values=sizes.values)
    elif not bench.quick:
        start = bench.ask("machine", side=bench.sizes.side, values=bench.sizes.values)
    bench.machine = start
    yield "device", start["device"], ""
    yield "TensorFlow, Keras", f"{start['tensorflow']}, {start['keras']}", ""
    yield "TensorFlow is built for", start["built_for"], ""
    for name in ("float32", "TF32", "float16", "bfloat16"):
        rate = start["rates"].get(name)
        yield (
            f"rate in {name}",
            f"{rate / 1e9:,.0f} GFLOP/s" if rate else NEEDS_GPU,
            skipped(not rate),
        )
    yield "bandwidth", f"{start['bandwidth'] / 1e9:.0f} GB/s", ""


def correct(bench):
    """Whether losses and weights after 20 steps of plain descent are a CPU's, in float32."""
    reference = bench.weights("cpu")
    first = bench.ask("run", CPU, weights=reference, jit_compile=False, **COMPARED)
    ways = [("XLA", True, True), ("TensorFlow's own kernels", False, bool(bench.gpus))]
    for name, jit, there in ways:
        place = "GPU" if bench.gpus else "CPU"
        if not there:
            yield f"{name} on a GPU", NEEDS_GPU, "skipped"
            continue
        own = bench.weights(f"{place}-{jit}")
        other = bench.ask("run", weights=own, jit_compile=jit, **COMPARED)
        gap = float(np.abs(np.subtract(first["losses"], other["losses"])).max())
        apart = distance(reference, own)
        yield f"losses, {name} on this {place}", gap, right(gap < CLOSE)
        yield f"weights, {name} on this {place}", apart, right(apart < CLOSE)


def resume(bench):
    """Whether a run that another process goes on with ends where an uninterrupted one does."""
    for deterministic in (False, True):
        name = "with enable_op_determinism" if deterministic else "by default"
        about = {"num_steps": 60, "deterministic": deterministic}
        whole, parted = (bench.weights(f"{kind}-{deterministic}") for kind in ("whole", "parted"))
        directory = str(bench.folder / f"run-{deterministic}-{time.time_ns()}")
        bench.ask("run", weights=whole, **about)
        bench.ask("run", directory=directory, last=30, **about)
        bench.ask("run", directory=directory, weights=parted, **about)
        apart = distance(whole, parted)
        exact = deterministic or not bench.gpus
        yield name, apart, right(apart == 0) if exact else ""
        if not bench.gpus:
            yield "with enable_op_determinism", NEEDS_GPU, "skipped"
            return


def repeated(bench):
    """Whether two processes compute the same bits, and what it costs to have them do so."""
    times = {}
    for deterministic in (False, True):
        name = "with enable_op_determinism" if deterministic else "by default"
        if deterministic and not bench.gpus:
            yield name, NEEDS_GPU, "skipped"
            return
        about = {"num_steps": bench.sizes.timed_steps, "deterministic": deterministic}
        files = [bench.weights(f"again-{deterministic}-{turn}") for turn in (0, 1)]
        answers = [bench.ask("run", weights=file, **about) for file in files]
        times[deterministic] = min(answer["step_ms"] for answer in answers)
        apart = distance(*files)
        exact = deterministic or not bench.gpus
        yield f"weights, {name}", apart, right(apart == 0) if exact else ""
        yield f"milliseconds a step, {name}", times[deterministic], ""
    yield "determinism costs", f"{times[True] / times[False] - 1:.0%} of a step", ""


def formats(bench):
    """What a step takes in each number format, with lab 7's networks and with wide ones."""
    rows = [
        ("float32", {"tf32": False}, True),
        ("TF32", {"tf32": True}, False),
        ("bfloat16", {"policy": "mixed_bfloat16"}, False),
        ("float16", {"policy": "mixed_float16"}, False),
    ]
    wide = {"width": bench.sizes.wide, "discriminator_width": bench.sizes.wide, "batch_size": 256}
    for networks, lab in (("lab 7", {}), ("wide, batch 256", wide)):
        for name, about, on_cpu in rows:
            title = f"{networks}, {name}"
            if not bench.gpus and not (on_cpu and networks == "lab 7"):
                yield title, NEEDS_GPU, "skipped"
                continue
            answer = bench.ask("run", num_steps=bench.sizes.timed_steps, lab=lab, **about)
            yield f"{title}: milliseconds a step", answer["step_ms"], ""
            yield f"{title}: seconds to compile", answer["compile_seconds"], ""


def batches(bench):
    """What a batch takes by its size, and which fraction of the machine's limit is reached."""
    rates = bench.machine["rates"]
    answer = bench.ask(
        "sweep",
        num_steps=bench.sizes.timed_steps,
        batch_sizes=bench.sizes.batch_sizes,
        rate=rates.get("TF32", rates["float32"]),
        bandwidth=bench.machine["bandwidth"],
    )
    for row in answer["rows"]:
        title = f"batch {row['batch_size']}"
        yield f"{title}: milliseconds a step", row["step_ms"], ""
        yield f"{title}: images a second", round(row["images_per_second"]), ""
        yield f"{title}: fraction of the limit", f"{row['fraction_of_limit']:.1%}", ""


def quality(bench):
    """How long lab 7 takes, and whether its images are as good as the book's."""
    sizes = bench.sizes
    answer = bench.ask("quality", num_steps=sizes.quality_steps, num_images=sizes.num_images)
    yield f"seconds of training, {answer['num_steps']} steps", answer["training_seconds"], ""
    yield "seconds to compile", answer["compile_seconds"], ""
    bound = published()["max_distance"]
    if sizes.quality_steps < Sizes().quality_steps:
        yield "relative Fréchet distance after so few steps", answer["distance"], ""
        yield "lab 7 to its quality", NEEDS_GPU, "skipped"
    else:
        yield "relative Fréchet distance", answer["distance"], right(answer["distance"] <= bound)


def published():
    """Returns lab 7's parameters, the bound of its distance among them."""
    from benchmarks import recipe

    return recipe.parameters()


def several(bench):
    """Whether several devices, by default options, compute one device's step."""
    if bench.gpus < 2:
        yield "several GPUs", "needs two GPUs that TensorFlow uses", "skipped"
    answer = bench.ask("several", num_steps=20, gpus=bench.gpus)
    kind = f"{answer['devices']} {'GPUs' if bench.gpus > 1 else 'shares of the CPU'}"
    yield f"weights, {kind} against one", answer["difference"], right(answer["difference"] < CLOSE)
    one, many = answer["step_ms"]
    yield "milliseconds a step, one and several", f"{one:.2f}, {many:.2f}", ""


def right(holds):
    """Returns the verdict on something that must hold."""
    return "right" if holds else "WRONG"


def skipped(is_so):
    """Returns the verdict on a row that may have been left out."""
    return "skipped" if is_so else ""


CHECKS = {
    c.__name__: c for c in (machine, correct, resume, repeated, quality, formats, batches, several)
}

TELLS = {
    "machine": (
        "Rates are those of products of square matrices: the most that the fastest layer could "
        "reach. If the capability of your card is not among those that TensorFlow is built for, "
        "and above 9.0, it may fail."
    ),
    "correct": (
        "A difference of rounding, below one in a thousand, is right. More means that a kernel, "
        "or a compiler, computes something else: please report it, with the JSON file."
    ),
    "resume": (
        "0 is bit for bit. By default a GPU need not reach it: sums are added in changing "
        "orders, and each process chooses its kernels by timing. With the option it must."
    ),
    "repeated": ("The same run in two processes. The last row is the price of equal bits."),
    "quality": ("Lab 7's own recipe, measured on the test images as the lab does."),
    "formats": (
        "If a format saves nothing with lab 7's networks, their steps wait for kernels to be "
        "started, not for arithmetic. The wide networks say what it saves where arithmetic "
        "counts."
    ),
    "batches": (
        "While a larger batch takes hardly longer, the chip is waiting. The limit is the bound "
        "of chapter 10: the longer of arithmetic and traffic, pass by pass, at the rates above."
    ),
    "several": (
        "The default options are used, so this also says that they train at all on several GPUs."
    ),
}


def check(bench, name, report):
    """Makes one check; its rows are written down one by one, so that an error costs no other."""
    rows = report.setdefault(name, [])
    try:
        for row in CHECKS[name](bench):
            rows.append(row)
            print("  {}: {} {}".format(*row), flush=True)
    except NoAnswerError as error:
        rows.append((name, str(error), "skipped" if "left out" in str(error) else "WRONG"))
        print(f"  {error}", flush=True)


def page(report, device, seconds):
    """Returns the page in Markdown: for each check its question, its rows, and what they tell."""
    lines = [f"# ganlib on {device}", ""]
    verdicts = [row[2] for rows in report.values() for row in rows]
    count = {word: verdicts.count(word) for word in ("right", "WRONG", "skipped")}
    lines += [
        f"{count['right']} checks right, {count['WRONG']} wrong, {count['skipped']} rows left out; "
        f"{seconds:.0f} seconds.",
        "",
    ]
    for name, rows in report.items():
        lines += [f"## {name}", "", CHECKS[name].__doc__, "", "| | | |", "| --- | --- | --- |"]
        lines += [f"| {title} | {shown(value)} | {verdict} |" for title, value, verdict in rows]
        lines += ["", TELLS[name], ""]
    return "\n".join(lines)


def shown(value):
    """Returns a value as the page has it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("|", "/")


def main(words=None):
    """Makes the checks that the words of the command name; returns 1 if one of them is wrong."""
    parser = argparse.ArgumentParser(description="Says what a GPU does with ganlib.")
    parser.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS))
    parser.add_argument("--minutes", type=float, default=8.0, help="after which nothing begins")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument("--output", default=OUTPUT, type=Path, help="folder for page and numbers")
    given = parser.parse_args(words)
    given.output.mkdir(parents=True, exist_ok=True)
    bench, report, begun = Bench(given.output, given.minutes, given.quick), {}, time.monotonic()
    for name in dict.fromkeys(["machine", *given.only]):
        print(name, flush=True)
        check(bench, name, report)
        seconds = time.monotonic() - begun
        device = bench.machine.get("device", "an unknown device")
        results = {"device": device, "seconds": seconds, "machine": bench.machine, "checks": report}
        text = json.dumps(results, indent=1, ensure_ascii=False)
        (given.output / "results.json").write_text(text, encoding="utf-8")
        (given.output / "page.md").write_text(page(report, device, seconds), encoding="utf-8")
        if name == "machine" and not bench.machine:
            break
    print(f"the page is {given.output / 'page.md'}, the numbers are in results.json beside it")
    return int(any(row[2] == "WRONG" for rows in report.values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
