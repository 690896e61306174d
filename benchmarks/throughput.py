"""Time of one training step on the same networks: ganlib, a plain TensorFlow loop, PyTorch.

Blocks of steps take turns, so that each block of one has a block of every other beside it, made
within seconds; the ratio of the two is one of several whose median is reported.
"""

import contextlib
import statistics
import time

from benchmarks import kept, recipe, worker

NUM_BLOCKS = 7
NUM_STEPS = 400  # of a block: a multiple of the penalty's interval and of the steps of a call
NUM_PART_STEPS = 50  # of a block of forward passes, or of gradients
MODES = ("full", "bare")
TITLES = {
    "ganlib": "ganlib",
    "tensorflow": "TensorFlow, plain loop",
    "torch_eager": "PyTorch",
    "torch_channels_last": "PyTorch, channels last",
    "torch_compiled": "PyTorch, compiled",
}
SOURCES = ["ganlib", *(f"benchmarks/{n}.py" for n in ("loops_keras", "loops_torch", "throughput"))]


def run(bench):
    """Makes the blocks that are missing, then the summary.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    protocol = {
        "num_blocks": 2 if bench.quick else NUM_BLOCKS,
        "num_steps": 16 if bench.quick else NUM_STEPS,
        "num_part_steps": 4 if bench.quick else NUM_PART_STEPS,
        "networks": "lab 07",
        "lab": recipe.parameters(),
    }
    results = kept.Kept(bench.output / "bench_throughput.json", protocol)
    names = [name for name in TITLES if name in (bench.only or TITLES)]
    if any(name.startswith("torch") for name in names) and not bench.torch():
        names = [name for name in names if not name.startswith("torch")]
    if not names:
        return
    made_from = kept.fingerprint(SOURCES, protocol, recipe.source(), names)
    for mode in MODES:
        _race(bench, results, names, mode, made_from)
    results.only({f"{m} {i}" for m in MODES for i in range(protocol["num_blocks"])})
    results.note(summary={mode: summary(results.contents["runs"], mode) for mode in MODES})


def _race(bench, results, names, mode, made_from):
    """Makes the missing blocks of one mode, contestants in turn."""
    protocol = results.contents["protocol"]
    missing = [
        i for i in range(protocol["num_blocks"]) if not results.get(f"{mode} {i}", made_from)
    ]
    if not missing:
        return
    with contextlib.ExitStack() as stack:
        workers = {}
        for name in names:
            process = stack.enter_context(worker.Worker("throughput", {"name": name, "mode": mode}))
            about = process.ask(section="about")
            if about["error"]:
                print(f"{TITLES[name]} is left out: {about['error']}", flush=True)
                continue
            workers[name], batch_size = process, about["batch_size"]
            for section in ("forward", "backward", "step"):  # compiles, and warms up
                process.ask(section=section, steps=2)
        bar = stack.enter_context(bench.bar(f"steps, {mode}", len(missing), "block"))
        for number in missing:
            order = list(workers)
            order = order[number % len(order) :] + order[: number % len(order)]
            seconds = {name: {} for name in workers}
            for section in ("step", "backward", "forward"):
                steps = protocol["num_steps" if section == "step" else "num_part_steps"]
                for name in order:
                    answer = workers[name].ask(section=section, steps=steps)
                    seconds[name][section] = answer["seconds"] / steps
            run_ = {"mode": mode, "batch_size": batch_size, "seconds": seconds}
            results.put(f"{mode} {number}", run_, made_from)
            bar.update()


def summary(runs, mode):
    """Returns medians over the blocks of one mode.

    Args:
        runs: dict of kept blocks.
        mode: "full" or "bare".

    Returns:
        A dict: for each contestant its milliseconds (of the step and of its parts) and images a
        second, and ganlib's ratio to it in each block with their median; and which peer is fastest.
    """
    blocks = [run for run in runs.values() if run["mode"] == mode]
    found = {}
    for name in blocks[0]["seconds"]:
        times = {
            section: [block["seconds"][name][section] for block in blocks]
            for section in ("forward", "backward", "step")
        }
        medians = {section: 1e3 * statistics.median(values) for section, values in times.items()}
        found[name] = {
            "title": TITLES[name],
            "milliseconds": medians["step"],
            "forward": medians["forward"],
            "backward": medians["backward"] - medians["forward"],
            "rest": medians["step"] - medians["backward"],
            "images_per_second": blocks[0]["batch_size"] * 1e3 / medians["step"],
        }
        if "ganlib" in blocks[0]["seconds"]:
            ours = [block["seconds"]["ganlib"]["step"] for block in blocks]
            ratios = [a / b for a, b in zip(ours, times["step"], strict=True)]
            found[name] |= {"ratios": ratios, "ratio": statistics.median(ratios)}
    peers = [name for name in found if name != "ganlib"]
    fastest = min(peers, key=lambda name: found[name]["milliseconds"], default=None)
    return {"contestants": found, "fastest_peer": fastest}


def serve(arguments, channel):
    """Makes blocks of one contestant as the commands say."""
    from ganlib import data

    images, name, mode = data.load_fashion_mnist().images, arguments["name"], arguments["mode"]
    changed, error = arguments.get("changed", {}), None
    channel.receive()
    try:
        if name.startswith("torch"):
            from benchmarks import loops_torch

            loop = loops_torch.TorchLoop(images, mode, name.removeprefix("torch_"), **changed)
            loop.run("step", 1)  # where there is no compiler, this is where it is missed
        else:
            from benchmarks import loops_keras

            loops = {"ganlib": loops_keras.GanlibLoop, "tensorflow": loops_keras.PlainLoop}
            loop = loops[name](images, mode, **changed)
    except Exception as problem:
        if name != "torch_compiled":
            raise
        error = str(problem).splitlines()[0]
    channel.send(error=error, batch_size=0 if error else loop.batch_size)
    while True:
        command = channel.receive()
        start = time.perf_counter()
        loop.run(command["section"], command["steps"])
        channel.send(seconds=time.perf_counter() - start)
