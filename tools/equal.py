"""Show that a change leaves kept runs as they are: ``make equal REV=abc1234``.

    python tools/equal.py abc1234                   the study, and every lab whose key has changed
    python tools/equal.py abc1234 --only 07_dcgan   one of them

A kept run is stale as soon as a definition that it reaches has changed (`ganbook.keys`), although
many a change alters no result. Here both trees, a commit and what is checked out, run the same
probe, on this machine, in one thread: the study's lab in its three settings with every arm at
28 × 28 and few steps, or a lab with its small parameters, and a training that is interrupted and
goes on. The final weights of all networks and all numbers must be equal, bit for bit. It refuses,
naming them, where a changed definition was not executed by the probe, since nothing is known of it
then. Otherwise ``book/data/ledger.json`` says: *old key, new key, commit, probe*.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganbook import kept, keys  # noqa: E402, after the line that makes it importable
from tools import lab_lints, notebooks, study  # noqa: E402

PROBE = ROOT / "tools" / "probe.py"
FEW = {
    **{"dataset": "fashion_mnist", "num_per_class": 5, "scored_on": "validation"},
    **{"num_unlabelled": 600, "num_common": 20, "num_steps": 12, "num_gan_steps": 18},
    **{"num_pretrain_steps": 17, "num_semi_steps": 9, "num_synthetic": 20, "num_measured": 200},
    **{"ablations": True, "min_accuracy": 0.0},
}
SETTINGS = ("few_images", "few_labels", "imbalance")

# A training that is stopped by a signal, goes on in a new object, is saved and drawn from.
INTERRUPTED = """
import json, os, pathlib, signal
import numpy as np
from ganlib import augment, data, losses, penalties, training
from ganlib.models import dcgan
from ganlib._tensorflow import keras

images = data.load_fashion_mnist("train")[:256]

def gan():
    keras.utils.set_random_seed(0)
    return training.GAN(
        dcgan.generator(28, 1, latent_dim=8, width=4, num_classes=10),
        dcgan.discriminator(28, 1, width=4, num_classes=10),
        losses.non_saturating,
        penalties=[training.Penalty(penalties.r1, weight=0.3, interval=2)],
        options=training.Options(batch_size=16, steps_per_call=5, augment=augment.ADA()),
    )

def stop(gan, step):
    os.kill(os.getpid(), signal.SIGTERM)

first = gan()
try:
    first.train(images, 40, "run", checkpoint_every=10, callbacks=[stop], progress=False)
except SystemExit:
    pass
second = gan()
second.train(images, 20, "run", checkpoint_every=10, progress=False)
third = gan()
third.restore("run")
third.save("again")
third.save_generator("out/generator.keras")
loaded = training.load_generator("out/generator.keras")
labels = np.arange(4)
drawn = third.sample(4, seed=1, labels=labels)
again = loaded([third.latents(4, seed=1), keras.ops.convert_to_tensor(labels)])
numbers = {"step": third.step, "history": third.history.discriminator_loss.tolist()}
numbers |= {"drawn": drawn.ravel().tolist(), "loaded": np.ravel(again).tolist()}
_ = pathlib.Path("out/numbers.json").write_text(json.dumps(numbers))
"""


# What the study's lab reaches beside its own data: pictures of all kinds in folders, the smallest
# images, which have dense networks, another data set, and a download where no copy is found.
OTHERS = """
import gzip, hashlib, json, os, pathlib
from unittest import mock
import numpy as np
from PIL import Image
from ganlib import data, losses, penalties, training
from ganlib.data import _downloads
from ganlib.models import mlp
from ganlib._tensorflow import keras

rng = np.random.default_rng(0)
for kind in ("L", "RGB", "RGBA", "I;16", "P"):
    for k in range(3):
        shape = (9, 11, 3) if kind in ("RGB", "RGBA") else (9, 11)
        pixels = rng.integers(0, 256, shape).astype(np.uint8)
        if kind == "I;16":
            picture = Image.fromarray(pixels.astype(np.uint16) * 257)
        else:
            picture = Image.fromarray(pixels).convert(kind)
        folder = pathlib.Path("pictures") / f"class_{k}"
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{kind[0]}{len(kind)}.png")
found = {str(c): data.load_folder("pictures", image_size=8, channels=c) for c in (1, 3)}
data.save_folder(found["3"], "saved")
keras.utils.set_random_seed(0)
gan = training.GAN(
    mlp.generator(8, 1, 4, width=8, num_classes=3),
    mlp.discriminator(8, 1, width=8, num_classes=3),
    losses.hinge,
    penalties=[training.Penalty(penalties.r1, 0.1)],
    options=training.Options(batch_size=8, steps_per_call=3),
)
gan.train(found["1"], 6, progress=False)
for load in (data.load_cifar10, data.load_fashion_mnist):
    try:
        load("neither")
    except ValueError:
        pass
there, contents = pathlib.Path.cwd() / "there", bytes(range(100))
there.mkdir()
(there / "small.gz").write_bytes(gzip.compress(contents))
file = _downloads.File("small.gz", len(contents), hashlib.sha256(contents).hexdigest())
with mock.patch.dict(os.environ, KERAS_HOME=str(there)):
    _downloads.download(_downloads.Source("Small", "small", there.as_uri() + "/"), (file,))
fetched = [gzip.decompress(one.read_bytes()).hex() for one in there.rglob("datasets/*/*.gz")]
numbers = {name: images.images.ravel().tolist() for name, images in found.items()}
numbers["fetched"] = fetched
numbers["losses"] = gan.history.generator_loss.tolist()
pathlib.Path("out").mkdir(exist_ok=True)
_ = pathlib.Path("out/numbers.json").write_text(json.dumps(numbers))
"""


def subjects(root):
    """Returns what is kept by key in one tree: name -> (`keys.Made`, the probe's plan)."""
    code, found = keys.Code(root), {}
    arms = [
        {"lab": "12_study", "parameters": FEW | {"setting": setting}} for setting in SETTINGS
    ] + [{"script": INTERRUPTED}, {"script": OTHERS}]
    rows = study.row_code(notebooks.read(root / "notebooks" / "12_study.ipynb"))
    found["study"] = code.reach_cells(rows, study.DRAWS), arms
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        made = code.reach_cells(lab_lints.code_of(notebooks.read(path)))
        plan = [{"lab": path.stem, "parameters": notebooks.settings("smoke.yml", path.stem)}]
        found[path.stem] = made, [*plan, {"script": INTERRUPTED}, {"script": OTHERS}]
    return code, found


def probe(root, plan, name):
    """Runs a plan on one tree; returns what `tools/probe.py` writes."""
    folder = notebooks.BUILD / "equal"
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}_plan.json", folder / f"{name}_{root.name}.json"
    paths[0].write_text(json.dumps(plan), encoding="utf-8")
    command = [sys.executable, str(PROBE), str(root), *map(str, paths)]
    environment = os.environ | kept.ONE_THREAD
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise notebooks.LabError(
            f"the probe of {name} failed on {root}:\n{result.stderr.strip()[-2000:]}"
        )
    return json.loads(paths[1].read_text(encoding="utf-8"))


def not_executed(code, changed, called):
    """Returns the changed definitions that a probe did not execute.

    Args:
        code: the `keys.Code` of the tree.
        changed: (module, name) of definitions.
        called: pairs of a file and the name of a function in it, as the probe noted them.
    """
    called = {tuple(pair) for pair in called}
    executed = {home for home in code.homes() if _was_called(code, home, called)}
    named = frozenset().union(*(code.references(home) for home in executed))
    strings = frozenset().union(*(code.strings(home) for home in executed))

    def is_seen(home):
        module = home[0]
        if not module:  # the cells of a lab, which the probe runs as they are
            return True
        if {Path(module).stem, Path(module).name} & strings:  # a data file
            return True
        # a constant, or a class without a method that ran, was used by who names it
        return home in executed or (home in named and not code.is_function(home))

    return sorted(
        f"{module}.{name}" if name else module
        for module, name in changed
        if not is_seen((module, name))
    )


def _was_called(code, home, called):
    module, name = home
    path = code.path(module)
    if path is None:
        return False
    if not name:
        return (path, "<module>") in called
    return any(
        file == path and (full == name or full.startswith(f"{name}.")) for file, full in called
    )


def compare(old_root, new_root, only=None):
    """Compares two trees; returns the entries for the ledger, and what was found, as lines."""
    (old_code, old), (new_code, new) = subjects(old_root), subjects(new_root)
    entries, lines, done = [], [], {}
    for name in old.keys() & new.keys() if only is None else [only]:
        (was, _), (made, plan) = old[name], new[name]
        if was.key == made.key:
            continue
        told = json.dumps(plan)
        if told not in done:
            print(f"Probing {name} on both trees …", flush=True)
            done[told] = probe(old_root, plan, name), probe(new_root, plan, name)
        before, after = done[told]
        texts = set(was.definitions.values()) & set(made.definitions.values())
        reasons = [
            f"{name}: the probe did not execute {', '.join(missing)} ({where})"
            for where, code, one, ran in (
                ("before", old_code, was, before),
                ("after", new_code, made, after),
            )
            if (
                missing := not_executed(
                    code, [h for h, t in one.definitions.items() if t not in texts], ran["called"]
                )
            )
        ]
        reasons += [
            f"{name}: the {what} differ"
            for what in ("weights", "results")
            if before[what] != after[what]
        ]
        lines += reasons or [f"{name}: equal, {len(after['weights'])} arrays of weights"]
        if not reasons:
            shown = hashlib.sha256(told.encode() + PROBE.read_bytes()).hexdigest()[:16]
            entry = {"old": was.key, "new": made.key, "commit": kept.commit(), "probe": shown}
            entries.append({"what": name} | entry)
    return entries, lines


def main(words=None):
    """Parses the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Shows that a change leaves kept runs alone.")
    parser.add_argument("revision", help="a commit whose runs are kept")
    parser.add_argument("--only", help="the study, or one lab")
    given = parser.parse_args(words)
    folder = notebooks.BUILD / "equal" / "before"
    try:
        with study.worktree(given.revision, folder):
            entries, lines = compare(folder, ROOT, given.only)
    except notebooks.LabError as error:
        print(error, file=sys.stderr)
        return 1
    kept.Ledger().add(entries)
    print("\n".join(lines) or "no key has changed")
    refused = len(lines) - len(entries)
    print(f"{len(entries)} entries in {kept.LEDGER.relative_to(ROOT)}, {refused} refusals")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
