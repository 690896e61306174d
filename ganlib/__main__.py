"""The command line: `ganlib train · report · sample · compare · doctor`, or `python -m ganlib`.

Each command is a few calls of the library, in the order in which a script would make them. The exit
status is 0, 1 after a failure, 2 for a line that cannot be understood, and 130 after Ctrl-C.
"""

import argparse
import dataclasses
import errno
import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ganlib
from ganlib import _checks, _files, data

_GENERATOR, _GRID, _PAGE, _KEPT = "generator.keras", "samples.png", "report.html", "compare"
_NUM_LOOKS = 20  # how often a run is measured, and drawn from
_PATIENCE = 15  # so many looks in a row, none better than the best before them, end it
_CHECKPOINT_EVERY = 250  # steps: what a killed process may lose
_SHARE_OF_TIME = 0.9  # of --time, for the steps; the rest is for compiling and looking
_MOST_STEPS = 200_000
_WAYS_OUT = {
    errno.EACCES: ". Change who may read or write there, or give another folder",
    errno.ENOSPC: ". Free some space on that disk, and give the same line again",
}
_number, _duration, _shown = _checks.written_integer, _checks.written_time, _files.one_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what stands behind `ganlib` on the line. None: those of this process.

    Returns:
        The exit status.

    Example:
        >>> main(["sample", "no/such/run", "--num", "8", "--out", "drawn"])
        1
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a name shows ? for it
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _note()
            options.command(options)
    except KeyboardInterrupt as stop:
        _complain(str(stop) or "interrupted; what was saved before stays as it is")
        return 130
    except BrokenPipeError:  # whoever read along has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except (ArithmeticError, ImportError, MemoryError, OSError, TypeError, ValueError) as error:
        _complain(_sentence(error))
        return 1
    return 0


# ---- train ---------------------------------------------------------------------------------------


def train(options: argparse.Namespace) -> None:
    """Train on a folder, or go on where it was stopped.

    Args:
        options: what the line says.
    """
    from ganlib import recipes

    begun, run = time.monotonic(), _checks.path("out", options.out)
    _checks.apart("--out", run, _checks.path("folder", options.folder))
    plan, is_new = _plan_of(options, run)
    with warnings.catch_warnings(action="ignore" if is_new else None):  # the plan told them
        pictures = recipes.pictures_for(plan)
    copies = "1 copy" if pictures.num_copies == 1 else f"{pictures.num_copies} copies"
    _say(*plan.reasons, f"{len(pictures.train)} pictures to train on, {len(pictures.held_out)} held"
         f" out to compare with; {copies} left out.")  # fmt: skip
    with _files.alone(run):
        if is_new:
            plan = _fitted(plan, pictures, options, begun)
            recipes.write_plan(plan, run)
        _go_on(options, plan, pictures, run, begun)


def _go_on(options, plan, pictures, run, begun):
    """Trains from where the run stands, and says what came of it."""
    from ganlib import callbacks, recipes
    from ganlib import report as pages
    from ganlib.training import checkpoints

    every = max(50, plan.num_steps // _NUM_LOOKS // 50 * 50)
    gan = recipes.gan_for(plan)
    stop = callbacks.EarlyStop(callbacks.Distance(pictures.train), every=every, patience=_PATIENCE)
    left = max(1.0, (options.time or 0) - (time.monotonic() - begun))
    limit = callbacks.TimeLimit(left) if options.time else None
    looks = [
        callbacks.Samples(run / "samples", every, num_images=64),
        stop,
        callbacks.SaveBest(stop, run / _GENERATOR),
        *([limit] if limit else []),
        _teller(plan, stop, run),
    ]
    if done := max(checkpoints.steps(run / "checkpoints"), default=0):
        _say(f"{done:,} of {plan.num_steps:,} steps are done already.")
    gan.train(
        pictures.train,
        plan.num_steps,
        run / "checkpoints",
        checkpoint_every=min(every, _CHECKPOINT_EVERY),
        callbacks=looks,
    )
    if not (run / _GENERATOR).exists():
        gan.save_generator(run / _GENERATOR)
    drawn = recipes.drawn_from(run / _GENERATOR, plan, 8 if plan.class_names else 64)
    pages.write_grid(drawn, run / _GRID)
    _tell_the_end(options, plan, gan, stop, limit)


def _plan_of(options, run):
    """The plan of a run that is there, or a new one; and whether it is new."""
    from ganlib import recipes

    flags = {"image_size": "size", "channels": "channels", "num_steps": "steps", "seed": "seed"}
    flags |= {"flip": "flip", "gamma": "gamma"}
    asked = {name: getattr(options, flag) for name, flag in flags.items()}
    if (run / recipes.PLAN_FILE).exists():
        plan = recipes.read_plan(run)
        folder = str(_checks.path("folder", options.folder).resolve())
        found = [("FOLDER", folder, plan.folder)]
        found.append(("--classes", options.classes, bool(plan.class_names)))
        found += [(f"--{flags[name]}", value, getattr(plan, name)) for name, value in asked.items()]
        for name, value, was in found:
            if value is not None and value != was:
                raise ValueError(
                    f"received {name} {value} for the run in {run}, which began with {was}; "
                    f"expected the same. Leave {name} as it was, or give another --out."
                )
        return plan, False
    _require_own(run)
    _files.require_writable(run)
    given = {name: value for name, value in asked.items() if value is not None}
    return recipes.plan_for(options.folder, with_classes=options.classes, **given), True


def _require_own(run):
    """Refuses a folder in which something else lies than what these commands wrote."""
    from ganlib import recipes

    names = {name for name in os.listdir(run) if name[0] != "."} if run.is_dir() else set()
    if names and not names & {recipes.PLAN_FILE, _KEPT}:
        raise ValueError(
            f"received --out {run}, which is not empty and holds no run; expected a new or empty "
            "folder, or one into which a run was trained. Give another."
        )


def _fitted(plan, pictures, options, begun):
    """The plan with as many steps as fit into the time, if one is given."""
    from ganlib import recipes

    if options.time is None or options.steps is not None:
        return plan
    _say("Timing the first steps on this machine …")
    seconds = recipes.seconds_per_step(plan, pictures.train)
    left = options.time - (time.monotonic() - begun)
    steps = int(min(max(_SHARE_OF_TIME * left / seconds, 50), _MOST_STEPS)) // 50 * 50
    _say(f"A step takes {1_000 * seconds:.0f} ms: {steps:,} steps in {_minutes(options.time)}.")
    return dataclasses.replace(plan, num_steps=steps)


def _teller(plan, stop, run):
    """A callback that says how long it will take, and how far the samples are; it keeps the last.

    At the end the rates have fallen: then the last generator is calmer than the best before it.
    """
    from tqdm import tqdm

    counts = []

    def tell(gan, step):
        counts.append((step, gan.history.seconds[-1]))
        if len(counts) == 3:  # the first call warms up
            (first, before), (_, now) = counts[1:]
            left = (plan.num_steps - step) * (now - before) / (step - first)
            tqdm.write(f"About {_minutes(left)} for the {plan.num_steps - step:,} steps that are "
                       "left, less if it stops early.")  # fmt: skip
        if stop.steps and stop.steps[-1] == step:
            best = ", the best so far" if stop.values[-1] <= stop.best else ""
            tqdm.write(f"step {step:,}: distance {stop.values[-1]:.2f}{best}")
        if step == plan.num_steps:
            gan.save_generator(run / _GENERATOR)

    return tell


def _tell_the_end(options, plan, gan, stop, limit):
    run = shlex.quote(_shown(options.out))
    if gan.step < plan.num_steps:
        best = stop.steps[stop.values.index(stop.best)] if stop.best in stop.values else gan.step
        _say(
            f"The time is over at step {gan.step:,} of {plan.num_steps:,}. The same line goes on."
            if limit and limit.reached
            else f"Stopped at step {gan.step:,}: nothing got better in {_PATIENCE} looks.",
            f"Kept is the generator of step {best:,}, the nearest to the pictures so far.",
        )
    drawn = f"{'--per-class' if plan.class_names else '--num'} 500 --out {run}-drawn"
    _say(f"Look at {run}/{_GRID}, then:")
    _say(f"  ganlib report {run}", f"  ganlib sample {run} {drawn}")


# ---- sample --------------------------------------------------------------------------------------


def sample(options: argparse.Namespace) -> None:
    """Draw from a run into a folder of pictures.

    Args:
        options: what the line says.
    """
    from ganlib import recipes

    run, out = _checks.path("run", options.run), _checks.path("out", options.out)
    plan = recipes.read_plan(run)
    if bool(plan.class_names) != (options.num is None):
        asked, instead = ("--num", "--per-class") if plan.class_names else ("--per-class", "--num")
        has = f"{len(plan.class_names)} classes" if plan.class_names else "no classes"
        raise ValueError(
            f"received {asked} for the run in {run}, which has {has}; expected {instead}. Give "
            f"{instead} and a number."
        )
    _checks.apart("--out", out, plan.folder)
    count = options.num or options.per_class
    with _files.new_folder(out) as folder:  # refused before the work, not after it
        images = recipes.drawn_from(run / _GENERATOR, plan, count, options.seed)
        data.save_folder(images, folder)
        worth = _worth_of(plan, images, options)
        about = (
            f"{len(images):,} images drawn by the generator of {_shown(run)}, with seed "
            f"{options.seed} and ganlib {ganlib.__version__}.\nWhat they are worth: {worth}\n"
        )
        (folder / "about.txt").write_text(_files.readable(about), encoding="utf-8")
    _say(f"{len(images):,} images are in {_shown(out)}.", f"What they are worth: {worth}")


def _worth_of(plan, images, options):
    """What generated images are worth, in words."""
    from ganlib import comparison, recipes

    if not options.measure:
        return "not measured."
    if not plan.class_names:
        return "not measured: without classes there is no classifier to train."
    pictures = recipes.pictures_for(plan)
    if reason := comparison.why_not_measurable(pictures.held_out):
        return f"not measured: {reason}"
    _say("Training three small classifiers, to measure what the images are worth …")
    return str(comparison.worth(pictures.train, images, pictures.held_out))


# ---- report, compare, doctor ---------------------------------------------------------------------


def report(options: argparse.Namespace) -> None:
    """Write the page on a run.

    Args:
        options: what the line says.
    """
    from ganlib import recipes
    from ganlib import report as pages

    run = _checks.path("run", options.run)
    plan = recipes.read_plan(run)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pictures = recipes.pictures_for(plan)
    left_out = [pair for item in caught for pair in getattr(item.message, "files", ())]
    gan = recipes.gan_for(plan)
    gan.restore(run / "checkpoints")
    count = 2 * len(pictures.train) // (len(plan.class_names) or 1)
    fake = recipes.drawn_from(run / _GENERATOR, plan, min(max(count, 200), 1_000))
    found = pages.examine(plan, pictures, fake, gan)
    pages.run_page(plan, pictures, fake, gan, found, left_out).write(run / _PAGE)
    for what, value in pages.facts(found).items():
        _say(f"{what}: {value}")
    _say("What to try next:", *(f"- {sentence}" for sentence in pages.advise(found.findings)))
    _say(f"The page is {_shown(run / _PAGE)}.")


def compare(options: argparse.Namespace) -> None:
    """Ask which way of training a classifier is best for a folder, and how sure that is.

    Args:
        options: what the line says.
    """
    from ganlib import augment, comparison, recipes

    out = _place_of(options)
    plan = recipes.plan_for(
        options.folder, image_size=options.size, channels=options.channels, with_classes=True
    )
    form = plan.image_size, plan.channels
    pool = data.load_folder(options.folder, *form)
    unlabelled = data.load_folder(options.unlabelled, *form).images if options.unlabelled else None
    policy = augment.Classical(flip=options.flip, shift=0.036, mixup=1.0)
    settings = comparison.Settings(options.steps, options.gan_steps, policy=policy)
    _say(*plan.reasons[:-1])  # the last one is about the recipe of a generator
    _say(f"Kept in {_shown(out)} (see --out): after an interruption the same line goes on.")
    with _files.alone(out):
        kept, how = comparison.Kept(out / _KEPT), {"num_folds": options.folds, "seed": options.seed}
        how |= {"kept": kept, "tell": _fold_teller(kept, options.folds)}
        accuracies = comparison.across_folds(pool, settings, unlabelled, **how)
    _say(*comparison.verdict(accuracies, sure=options.sure))


def _place_of(options):
    """Where a comparison is kept: in --out, or in a folder here that has the pictures' name."""
    folder = Path(os.path.realpath(_checks.path("folder", options.folder)))
    place = folder.parent if Path.cwd().is_relative_to(folder) else Path()
    out = _checks.path("out", options.out or place / f"{folder.name}-run")
    _checks.apart("--out", out, folder)
    _require_own(out)
    return out


def _fold_teller(kept, last):
    """A function that says how each fold went, what was done before, and how long it will take."""
    begun, before = time.monotonic(), 0

    def tell(fold, accuracies):
        nonlocal before
        old, before = kept.num_found - before, kept.num_found
        new, to_go = len(accuracies) * (fold + 1) - before, len(accuracies) * (last - fold - 1)
        done = f" ({old} of {len(accuracies)} were done before)" if old else ""
        seconds = (time.monotonic() - begun) * to_go / max(new, 1)
        left = f"; about {_minutes(seconds)} to go" if new and to_go else ""
        scores = (f"{name} {values[-1]:.0f}%" for name, values in accuracies.items())
        _say(f"Fold {fold + 1} of {last}{done}{left}: {', '.join(scores)}")

    return tell


def doctor(options: argparse.Namespace) -> None:
    """Say what is installed, what this machine computes on, and which data lie here.

    Args:
        options: what the line says.
    """
    from ganlib import health

    for what, value in health.machine().items():
        _say(f"{what:32} {value}")
    if not options.quick:
        from ganlib import recipes

        _say("Timing a few steps …")
        for what, minutes in recipes.minutes_here().items():
            _say(f"{what:32} {_minutes(60 * minutes)}")


# ---- the line ------------------------------------------------------------------------------------


def _parser():
    parser = argparse.ArgumentParser(
        prog="ganlib",
        description="Train a GAN on a folder of pictures, look at it, and draw from it.",
        epilog="examples:\n  ganlib train my_pictures --out run --time 20m\n  ganlib report run\n"
        "  ganlib sample run --per-class 500 --out drawn\n  ganlib doctor",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ganlib {ganlib.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_sample(commands)
    add = _add(commands, report, "quality, copies, and what to try next, as one page", "run")
    add("run", metavar="RUN", help="what ganlib train wrote")
    _add_compare(commands)
    add = _add(commands, doctor, "versions, GPU, data sets, and what will be fast", "--quick")
    add("--quick", action="store_true", help="without timing some steps")
    return parser


def _add(commands, command: Callable, description: str, *examples: str) -> Any:
    """A command of the line; returns the function that gives it arguments."""
    name = command.__name__
    parser = commands.add_parser(
        name,
        help=description,
        description=f"{command.__doc__.splitlines()[0]} It gives: {description}.",
        epilog="examples:\n" + "\n".join(f"  ganlib {name} {words}" for words in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command)
    return parser.add_argument


def _add_form(add, seed=None):
    """What is true of the pictures, where nothing is to be guessed."""
    add("--size", type=int, choices=(28, 32, 64, 128), help="side of the images, in pixels")
    add("--channels", type=int, choices=(1, 3), help="1 for grey, 3 for colour")
    add("--seed", type=_number(0), default=seed, help="of all that is random (0)")


def _add_train(commands):
    add = _add(commands, train, "a generator, samples and checkpoints in one folder",
               "my_pictures --out run", "my_pictures --out run --time 20m",
               "my_pictures --out run   # again, after any interruption: it goes on")  # fmt: skip
    add("folder", metavar="FOLDER", help="pictures, in one sub-folder per class or in none")
    add("--out", metavar="RUN", required=True, help="folder for all that comes of it")
    add("--time", type=_duration, help="how long at most, such as 90s, 20m or 2h")
    add("--steps", type=_number(1), help="steps of the whole run, instead of the recipe's")
    add("--classes", action=argparse.BooleanOptionalAction, help="a class for each sub-folder")
    add("--flip", action="store_true", default=None, help="pictures may be mirrored")
    add("--gamma", type=float, help="weight of the penalty R1, instead of the recipe's")
    _add_form(add)


def _add_sample(commands):
    add = _add(commands, sample, "a folder of generated pictures, and what they are worth",
               "run --per-class 500 --out drawn", "run --num 500 --out drawn")  # fmt: skip
    add("run", metavar="RUN", help="what ganlib train wrote")
    add("--per-class", type=_number(1), metavar="N", help="images of each class")
    add("--num", type=_number(1), metavar="N", help="images, of a run without classes")
    add("--out", metavar="FOLDER2", required=True, help="a new folder")
    add("--seed", type=_number(0), default=0, help="which ones (0)")
    add("--no-measure", dest="measure", action="store_false", help="do not ask what they are worth")


def _add_compare(commands):
    add = _add(commands, compare, "with a GAN or without, how much better, and how sure that is",
               "my_pictures", "my_pictures --unlabelled others --flip")  # fmt: skip
    add("folder", metavar="FOLDER", help="pictures in one sub-folder per class")
    add("--out", metavar="RUN", help="folder in which what is done is kept (FOLDER-run)")
    add("--unlabelled", metavar="OTHERS", help="pictures of the same kind without a class")
    add("--folds", type=_number(3), default=5, help="how often a part is held out (5)")
    add("--steps", type=_number(1), default=600, help="of every classifier (600)")
    add("--gan-steps", type=_number(1), default=1_000, help="of every GAN (1000)")
    add("--sure", type=float, default=0.9, help="confidence that a dearer way must have (0.9)")
    add("--flip", action="store_true", help="pictures may be mirrored")
    _add_form(add, seed=0)


# ---- words ---------------------------------------------------------------------------------------


def _say(*lines):
    print(*lines, sep="\n", flush=True)


def _complain(text):
    if sys.stderr is not None:
        print(f"ganlib: {_shown(text)}", file=sys.stderr, flush=True)


def _sentence(error):
    """What an error says, without its number, and with the file that it is about."""
    if isinstance(error, OSError) and error.strerror:
        words = error.strerror + (f": {error.filename}" if error.filename is not None else "")
        is_plain = error.strerror == os.strerror(error.errno)  # others say what to do themselves
        return words + (_WAYS_OUT.get(error.errno, "") if is_plain else "")
    return str(error) or type(error).__name__


def _note():
    """A place for warnings that shows each once, in a line."""
    seen = set()

    def show(message, category, *_):
        text = _shown(message)
        if issubclass(category, UserWarning) and text not in seen:
            seen.add(text)
            print(f"note: {text}", file=sys.stderr, flush=True)

    return show


def _minutes(seconds):
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


if __name__ == "__main__":
    sys.exit(main())
