"""Time of one training step on the same networks: ganlib, a plain TensorFlow loop, PyTorch.

Blocks of steps take turns, so that each block of one has a block of every other beside it, made
within seconds; the ratio of the two is one of several whose median is reported.
"""

import contextlib
import statistics
import time

from benchmarks import recipe, results, worker
from ganbook import kept

NUM_BLOCKS = 7
NUM_STEPS = 400  # of a block: a multiple of the penalty's interval and of the steps of a call
NUM_PART_STEPS = 50  # of a block of forward passes, or of gradients
MODES = ("full", "bare")
# name -> title; module and class; with which options
CONTESTANTS = {
    "ganlib": ("ganlib", ("loops_keras", "GanlibLoop"), {}),
    "tensorflow": ("TensorFlow, plain loop", ("loops_keras", "PlainLoop"), {}),
    "torch_eager": ("PyTorch", ("loops_torch", "TorchLoop"), {"variant": "eager"}),
    "torch_channels_last": (
        "PyTorch, channels last",
        ("loops_torch", "TorchLoop"),
        {"variant": "channels_last"},
    ),
    "torch_compiled": ("PyTorch, compiled", ("loops_torch", "TorchLoop"), {"variant": "compiled"}),
}
TITLES = {name: title for name, (title, *_) in CONTESTANTS.items()}


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
    names = [name for name in TITLES if name in (bench.only or TITLES)]
    if any(name.startswith("torch") for name in names) and not bench.torch():
        names = [name for name in names if not name.startswith("torch")]
    if not names:
        return
    part = results.Part("throughput", bench.output)
    runs = plan(protocol, names)
    for mode in MODES:
        missing = part.missing([run for run in runs if run.parameters["mode"] == mode])
        if missing:
            _race(bench, part, names, mode, missing)
    part.store.only({run.name for run in runs})
    found = part.found(runs)
    part.write(protocol, summary={mode: summary(found, mode) for mode in MODES})


def plan(protocol, names):
    """Returns the blocks of both modes, a list of `kept.Run`.

    Args:
        protocol: dict with ``num_blocks``, ``num_steps`` and ``num_part_steps``.
        names: of the contestants, which all have their turn in each block.
    """
    homes = {CONTESTANTS[name][1] for name in names}
    own = [(f"benchmarks.{module}", name) for module, name in sorted(homes)]
    mine = [("benchmarks.throughput", name) for name in ("serve", "measure_block")]
    with_torch = any(module == "loops_torch" for module, _ in homes)
    return [
        kept.Run(
            f"{mode} {number}",
            recipe.key(*mine, *own),
            {
                "mode": mode,
                "number": number,
                "contestants": list(names),
                "num_steps": protocol["num_steps"],
                "num_part_steps": protocol["num_part_steps"],
            },
            packages=(*kept.PACKAGES, "torch") if with_torch else kept.PACKAGES,
        )
        for mode in MODES
        for number in range(protocol["num_blocks"])
    ]


def _race(bench, part, names, mode, missing):
    """Makes the missing blocks of one mode."""
    with contextlib.ExitStack() as stack:
        workers = {}
        for name in names:
            _, home, options = CONTESTANTS[name]
            about = {"name": name, "mode": mode, "loop": home, "options": options}
            process = stack.enter_context(worker.Worker("throughput", about))
            about = process.ask(section="about")
            if about["error"]:
                print(f"{TITLES[name]} is left out: {about['error']}", flush=True)
                continue
            workers[name], batch_size = process, about["batch_size"]
            for section in ("forward", "backward", "step"):  # compiles, and warms up
                process.ask(section=section, steps=2)
        bar = stack.enter_context(bench.bar(f"steps, {mode}", len(missing), "block"))
        for run in missing:
            start = time.perf_counter()
            seconds = measure_block(workers, run.parameters)
            found = {"batch_size": batch_size, "seconds": seconds}
            part.store.put(run, found, seconds=time.perf_counter() - start)
            bar.update()


def measure_block(workers, about):
    """Has the contestants make a block of steps each, and of parts of steps.

    Args:
        workers: dict, name of a contestant -> its `worker.Worker`.
        about: the block's parameters, a dict.

    Returns:
        A dict, name -> dict of the seconds of one step and of its parts.
    """
    order = list(workers)
    first = about["number"] % len(order)  # no one is always the first
    seconds = {name: {} for name in workers}
    for section in ("step", "backward", "forward"):
        steps = about["num_steps" if section == "step" else "num_part_steps"]
        for name in order[first:] + order[:first]:
            answer = workers[name].ask(section=section, steps=steps)
            seconds[name][section] = answer["seconds"] / steps
    return seconds


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

    images, name, error = data.load_fashion_mnist().images, arguments["name"], None
    channel.receive()
    try:
        loop = worker.contestant(arguments["loop"])(
            images, arguments["mode"], **arguments["options"]
        )
        if name.startswith("torch"):
            loop.run("step", 1)  # where there is no compiler, this is where it is missed
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
