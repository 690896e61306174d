"""The command line: what it says and writes, what it refuses, and what an interruption costs."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganlib import __main__ as cli
from ganlib import callbacks, data, recipes
from ganlib.training import checkpoints

ROOT = Path(__file__).resolve().parents[1]
TINY = {"width": 2, "discriminator_width": 2, "batch_size": 4, "latent_dim": 4}


def digits(num_images=60, num_classes=3):
    pool = data.load_digits()
    pool = data.Images(pool.images, pool.labels, tuple("abcdefghij"))[pool.labels < num_classes]
    chosen = pool[:num_images]
    return data.Images(chosen.images, chosen.labels, chosen.class_names[:num_classes])


@pytest.fixture(scope="module")
def tiny():
    """The recipe for few images, with networks that are trained in a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "few_images", dataclasses.replace(recipes.few_images, **TINY))
        yield


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    """The folder of pictures and of a run on it, and what the command said."""
    root = tmp_path_factory.mktemp("a place")
    data.save_folder(digits(), root / "my pictures")
    line = ["train", str(root / "my pictures"), "--out", str(root / "run"), "--steps", "100"]
    assert cli.main(line) == 0
    return root


def call(capsys, *line):
    """Runs a command; returns its status, and what it said on both streams."""
    capsys.readouterr()
    status = cli.main([str(word) for word in line])
    return status, *capsys.readouterr()


def refusal(capsys, *line):
    """The sentence with which a command fails."""
    status, _, error = call(capsys, *line)
    complaints = [text for text in error.splitlines() if text.startswith("ganlib: ")]
    assert status == 1
    assert len(complaints) == 1
    assert "Traceback" not in error
    assert not re.search(r"\[Errno|\w+Error\b", complaints[0])
    return complaints[0]


# --- the three commands --------------------------------------------------------------------------


def test_training_leaves_all_that_the_other_commands_need(trained):
    run = trained / "run"
    names = {path.name for path in run.iterdir()}
    assert names == {"run.json", "checkpoints", "samples", "samples.png", "generator.keras"}
    assert max(checkpoints.steps(run / "checkpoints")) == 100
    assert recipes.read_plan(run).num_steps == 100
    with Image.open(run / "samples.png") as picture:  # a column for each class, eight rows
        assert picture.width < picture.height


def test_what_is_done_is_not_done_again(trained, capsys):
    before = (trained / "run" / "generator.keras").read_bytes()
    line = ("train", trained / "my pictures", "--out", trained / "run")
    status, out, _ = call(capsys, *line)
    assert status == 0
    assert "100 of 100 steps are done already." in out
    assert f"ganlib report '{trained}/run'" in out  # the name has a space: fit to be pasted
    assert (trained / "run" / "generator.keras").read_bytes() == before


def test_report_is_one_page_with_real_pictures_beside_generated_ones(trained, capsys):
    status, out, error = call(capsys, "report", trained / "run")
    assert status == 0, error
    assert "What to try next:" in out
    page = (trained / "run" / "report.html").read_text(encoding="utf-8")
    assert "A GAN trained on my pictures" in page
    assert page.count("<img") == 4
    (real,) = re.findall(r"the same of real pictures</th><td>([-\d.]+), ([\d.]+)", page)
    assert abs(float(real[0])) < 5  # unbiased: 0 in the mean
    assert float(real[1]) > 0.5


def test_samples_are_a_folder_of_classes(trained, capsys, tmp_path):
    out = tmp_path / "x" / "drawn"
    status, said, error = call(capsys, "sample", trained / "run", "--per-class", 7, "--out", out)
    assert status == 0, error
    images = data.load_folder(out, 28, 1)
    assert images.class_names == ("a", "b", "c")
    assert np.bincount(images.labels).tolist() == [7, 7, 7]
    assert "What they are worth: not measured: 6 pictures are held out" in said
    assert "not measured" in (out / "about.txt").read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["drawn"]


def test_samples_are_those_of_their_seed(trained, capsys, tmp_path):
    found = {}
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        line = ("sample", trained / "run", "--per-class", 2, "--seed", seed, "--no-measure")
        assert call(capsys, *line, "--out", tmp_path / name)[0] == 0
        found[name] = data.load_folder(tmp_path / name, 28, 1).images
    assert np.array_equal(found["one"], found["again"])
    assert not np.array_equal(found["one"], found["two"])


def test_what_samples_are_worth_is_measured_on_held_out_pictures(
    trained, capsys, tmp_path, monkeypatch
):
    from ganlib import comparison

    seen = {}

    def worth(real, generated, held_out):
        seen.update(real=len(real), generated=len(generated), held_out=len(held_out))
        return comparison.Worth(0.5, 0.25, 0.75, 0.625, 0.125, len(held_out))

    monkeypatch.setattr(comparison, "worth", worth)
    monkeypatch.setattr(comparison, "_FEWEST_HELD_OUT", 6)
    line = ("sample", trained / "run", "--per-class", 2, "--out", tmp_path / "drawn")
    _, out, _ = call(capsys, *line)
    assert seen == {"real": 54, "generated": 6, "held_out": 6}
    assert "50% if it learns from the real ones, in 25% from the generated ones alone" in out
    assert "+25 ± 12 points" in out


def test_a_number_of_each_class_needs_classes(trained, capsys, tmp_path):
    line = ("sample", trained / "run", "--num", 5, "--out", tmp_path / "drawn")
    assert "expected --per-class" in refusal(capsys, *line)
    assert not (tmp_path / "drawn").exists()


# --- the plan ------------------------------------------------------------------------------------


def coloured(count, side, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


@pytest.mark.parametrize(
    ("side", "channels", "given", "expected"),
    [
        (70, 3, {}, (64, 3, "few_images", True)),
        (40, 3, {}, (32, 3, "few_images", True)),
        (12, 1, {}, (28, 1, "few_images", True)),
        (70, 1, {"image_size": 32, "channels": 3}, (32, 3, "few_images", True)),
    ],
)
def test_plan_follows_the_pictures(tiny, side, channels, given, expected, tmp_path):
    pixels = coloured(24, side)[..., :channels]
    data.save_folder(data.Images(np.ascontiguousarray(pixels)), tmp_path / "pictures")
    plan = recipes.plan_for(tmp_path / "pictures", **given)
    assert (plan.image_size, plan.channels, plan.recipe, plan.shift) == expected
    assert plan.class_names == ()
    assert recipes.gan_for(plan).options.augment == recipes.few_images.augment


@pytest.mark.parametrize(
    ("side", "channels", "labels", "expected"),
    [
        (28, 1, None, ("small_grey", False)),
        (28, 1, "some", ("small_grey_by_class", False)),
        (32, 3, None, ("small_colour", False)),
        (32, 3, "some", ("small_colour_by_class", False)),
        (64, 3, "some", ("few_images", False)),
    ],
)
def test_many_pictures_have_other_recipes(side, channels, labels, expected):
    pixels = np.broadcast_to(np.uint8(0), (5_000, side, side, channels))
    numbers = None if labels is None else np.zeros(5_000, int)
    name, _, shift, reason = recipes._recipe_for(data.Images(pixels, numbers))
    assert (name, shift) == expected
    assert "5,000 pictures are many" in reason


def test_grey_pictures_in_colour_files_are_grey(tmp_path):
    pixels = np.repeat(coloured(24, 30)[..., :1], 3, axis=-1)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number}.jpg")
    assert recipes.plan_for(folder).channels == 1
    pixels[3, :, :, 0] = 255
    Image.fromarray(pixels[3]).save(folder / "3.jpg")
    assert recipes.plan_for(folder).channels == 3


def test_held_out_pictures_are_of_each_class_and_none_is_a_copy(tmp_path):
    pool = digits(90)
    doubled = pool[np.r_[0:90, 0:20]]
    data.save_folder(doubled, tmp_path / "pictures")
    train, held_out, num_copies = recipes.pictures_for(recipes.plan_for(tmp_path / "pictures"))
    assert (len(train), len(held_out), num_copies) == (81, 9, 20)
    assert np.bincount(held_out.labels).min() >= 2
    seen = {image.tobytes() for image in train.images}
    assert not seen & {image.tobytes() for image in held_out.images}


def test_small_classes_are_drawn_together_unless_asked_for(tmp_path):
    pool = digits(60)
    few = np.flatnonzero(pool.labels == 0)[4:]
    pool = pool[np.setdiff1d(np.arange(60), few)]
    data.save_folder(pool, tmp_path / "pictures")
    plan = recipes.plan_for(tmp_path / "pictures")
    assert plan.class_names == ()
    assert any("'a' has too few" in reason for reason in plan.reasons)
    assert len(recipes.plan_for(tmp_path / "pictures", with_classes=True).class_names) == 3


def test_pictures_that_changed_since_are_noticed(tmp_path):
    data.save_folder(digits(), tmp_path / "pictures")
    plan = recipes.plan_for(tmp_path / "pictures")
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "pictures" / "a" / "new.png")
    with pytest.raises(ValueError, match=r"received 61 different pictures.*expected the 60"):
        recipes.pictures_for(plan)


def test_time_decides_the_steps(trained, capsys, tmp_path, monkeypatch):
    begun = {}

    class BegunError(Exception):
        pass

    def gan_for(plan):
        begun["steps"] = plan.num_steps
        raise BegunError

    monkeypatch.setattr(recipes, "seconds_per_step", lambda plan, images: 0.5)
    monkeypatch.setattr(recipes, "gan_for", gan_for)
    line = ["train", str(trained / "my pictures"), "--out", str(tmp_path / "run"), "--time", "1h"]
    with pytest.raises(BegunError):
        cli.main(line)
    assert 6_300 <= begun["steps"] <= 6_480  # 0.9 · 3600 / 0.5, less what reading took
    assert "A step takes 500 ms" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400), ("20", 1200)]
)
def test_times_have_units(text, seconds):
    assert cli._duration(text) == seconds


def test_the_clock_ends_a_call_and_the_measure_keeps_the_best(tmp_path, monkeypatch):
    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(callbacks, "time", clock)
    limit = callbacks.TimeLimit(60)
    assert limit(None, 50) is False
    clock.now = 60.0
    assert limit(None, 100) is True
    assert limit.reached

    class Gan:
        history = None
        saved = ()

        def save_generator(self, path):
            self.saved += (self.measure.steps[-1],)

    gan = Gan()
    gan.measure = measure = callbacks.Measure(None)
    keep = callbacks.SaveBest(measure, "generator.keras")
    for step, value in enumerate([5.0, np.nan, 6.0, 4.0, 4.0, 7.0]):
        measure.steps.append(step)
        measure.values.append(value)
        keep(gan, step)
        keep(gan, step + 0.5)  # between two measurements nothing is written
    assert gan.saved == (0, 3, 4)


# --- interruptions -------------------------------------------------------------------------------

CHILD = """
import dataclasses, signal, sys
from ganlib import __main__ as cli, recipes
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores Ctrl-C
recipes.few_images = dataclasses.replace(recipes.few_images, **{tiny})
cli._CHECKPOINT_EVERY = 50
sys.exit(cli.main(sys.argv[1:]))
"""


def start(*line):
    command = [sys.executable, "-c", CHILD.format(tiny=TINY), *map(str, line)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipes)


def wait_for_checkpoint(process, run):
    """Waits until something is saved, however busy the machine is."""
    while not checkpoints.steps(run / "checkpoints"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    return max(checkpoints.steps(run / "checkpoints"))


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_run_that_was_ended_goes_on(number, status, trained, tiny, capsys, tmp_path, monkeypatch):
    run = tmp_path / "run"
    line = ("train", trained / "my pictures", "--out", run)
    process = start(*line, "--steps", "100000")
    saved = wait_for_checkpoint(process, run)
    process.send_signal(number)
    out, error = process.communicate()
    assert process.returncode == status, error
    assert "Traceback" not in error
    if number != signal.SIGKILL:
        assert "saved in" in out + error
    reached = max(checkpoints.steps(run / "checkpoints"))
    assert reached >= saved
    # What is there is a run: drawing from it needs no more than the first look at it.
    seen = {}

    def train(gan, images, num_steps, directory, **settings):
        gan.restore(directory)
        seen.update(step=gan.step, num_steps=num_steps)
        raise KeyboardInterrupt("enough")

    monkeypatch.setattr("ganlib.training.GAN.train", train)
    status, out, error = call(capsys, *line)
    assert status == 130
    assert error == "ganlib: enough\n"
    assert seen == {"step": reached, "num_steps": 100_000}
    assert f"{reached:,} of 100,000 steps are done already." in out


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["paint"],
        ["train", "pictures"],
        ["train", "pictures", "--out", "run", "--time", "soon"],
        ["train", "pictures", "--out", "run", "--time", "0m"],
        ["train", "pictures", "--out", "run", "--size", "50"],
        ["train", "pictures", "--out", "run", "--steps", "0"],
        ["sample", "run", "--per-class", "-3", "--out", "drawn"],
        ["sample", "run", "--per-class", "many", "--out", "drawn"],
        ["compare", "pictures", "--folds", "2"],
    ],
)
def test_a_line_that_cannot_be_understood_is_2(line, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(line)
    assert ended.value.code == 2
    assert "usage: ganlib" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "report", "sample", "compare", "doctor"])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert f"examples:\n  ganlib {command} " in out


def test_installed_command_is_this_function():
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["scripts"] == {"ganlib": "ganlib.__main__:main"}


def some_files(folder):
    (folder / "notes.txt").write_text("no picture")


def text_with_a_false_name(folder):
    for number in range(30):
        (folder / f"{number}.png").write_text("no picture")


def one_picture(folder):
    data.save_folder(data.Images(coloured(1, 40)), folder)


def copies_of_one(folder):
    data.save_folder(data.Images(np.repeat(coloured(1, 40), 40, axis=0)), folder)


def cut_short(folder):
    data.save_folder(data.Images(coloured(30, 40)), folder)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:200])


def loop_of_links(folder):
    (folder / "a").mkdir()
    (folder / "a" / "b").symlink_to(folder, target_is_directory=True)


def link_to_itself(folder):
    folder.rmdir()
    folder.symlink_to(folder)


def hidden_files(folder):
    data.save_folder(data.Images(coloured(30, 40)), folder)
    for path in folder.iterdir():
        path.rename(folder / f".{path.name}")


def names_that_differ_in_case(folder):
    data.save_folder(digits(60), folder)
    (folder / "a").rename(folder / "C")


def names_that_no_other_system_tells_apart(folder):
    data.save_folder(digits(60), folder)
    (folder / "a").rename(folder / "1:2")
    (folder / "b").rename(folder / "1?2")


def dead_links(folder):
    for number in range(30):
        (folder / f"{number}.png").symlink_to(folder / "nowhere")


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (lambda folder: None, "holds no pictures"),
        (some_files, "holds no pictures"),
        (loop_of_links, "holds no pictures"),
        (text_with_a_false_name, "none of which could be decoded"),
        (dead_links, "none of which could be decoded"),
        (cut_short, "none of which could be decoded"),
        (one_picture, "received 1 different pictures"),
        (copies_of_one, "received 1 different pictures"),
        (hidden_files, "holds no pictures"),
        (link_to_itself, "there is no folder"),
        (names_that_differ_in_case, "expected names that differ in letters or digits. Rename the"),
        (names_that_no_other_system_tells_apart, "Rename the classes first"),
        (lambda folder: folder.rmdir(), "there is no folder"),
        (lambda folder: (folder.rmdir(), folder.write_text("x")), "is a file"),
    ],
)
def test_a_folder_of_which_nothing_can_be_made_is_refused(fill, said, capsys, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    fill(folder)
    assert said in refusal(capsys, "train", folder, "--out", tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()


def modes(folder):
    """Pictures of many modes, sizes and formats, and some that are broken."""
    for number in range(8):
        picture = Image.fromarray(coloured(1, 30 + 9 * number, seed=number)[0])
        for mode in ("P", "RGBA", "CMYK", "1", "LA"):
            suffix = "jpg" if mode == "CMYK" else "png"
            picture.convert("L" if mode == "1" else "RGB").convert(mode).save(
                folder / f"{number} {mode}.{suffix}"
            )
        values = np.random.default_rng(number).integers(0, 65_536, (33, 50), np.uint16)
        Image.fromarray(values).save(folder / f"{number}.tiff")
        frames = [picture, picture.rotate(90)]
        frames[0].save(folder / f"{number}.gif", save_all=True, append_images=frames[1:])
    (folder / "0 P.png").write_text("no picture")
    (folder / "1 P.png").write_bytes((folder / "2 P.png").read_bytes()[:99])


def strange_names(folder):
    pool = digits(60)
    data.save_folder(pool, folder)
    for old, new in zip("abc", ("ein Raum", "猫\u0301", "two\nlines"), strict=True):
        (folder / old).rename(folder / new)


def one_of_each_class(folder):
    pool = digits(24)
    for number, image in enumerate(pool.images[..., 0]):
        (folder / f"kind{number}").mkdir()
        Image.fromarray(image).save(folder / f"kind{number}" / "only.png")


def nested_classes(folder):
    data.save_folder(digits(60), folder / "all" / "of")


def beside_folders(folder):
    data.save_folder(digits(60), folder)
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "stray.png")


def class_of_hidden_files(folder):
    data.save_folder(digits(60), folder)
    (folder / "d").mkdir()
    for number in range(9):
        Image.fromarray(np.zeros((9, 9 + number), np.uint8)).save(folder / "d" / f".{number}.png")


def class_that_is_a_link_to_another(folder):
    data.save_folder(digits(60), folder)
    (folder / "d").symlink_to(folder / "a", target_is_directory=True)


def links_in_a_circle(folder):
    data.save_folder(digits(60), folder)
    (folder / "a" / "up").symlink_to(folder, target_is_directory=True)


@pytest.mark.parametrize(
    ("fill", "num_images", "class_names", "said"),
    [
        (modes, 54, (), "note: skipped 2 of 56"),
        (strange_names, 60, ("ein Raum", "two\nlines", "猫\u0301"), ""),
        (one_of_each_class, 24, (), "'kind0' has too few that no other has"),
        (nested_classes, 60, ("all",), "of/a counts as all: to make it a class, give {}/all/of."),
        (beside_folders, 61, (), "note: 1 of 61 pictures lie directly in"),
        (class_of_hidden_files, 60, ("a", "b", "c"), ""),
        (class_that_is_a_link_to_another, 60, (), "'d' has too few that no other has"),
        (links_in_a_circle, 60, ("a", "b", "c"), ""),
    ],
)
def test_a_folder_as_people_have_them_is_taken(
    fill, num_images, class_names, said, capsys, tmp_path, monkeypatch
):
    def train(gan, *_, **__):
        raise KeyboardInterrupt("enough")

    monkeypatch.setattr("ganlib.training.GAN.train", train)
    folder = tmp_path / "pictures"
    folder.mkdir()
    fill(folder)
    before = sorted((path, path.lstat().st_mtime_ns) for path in folder.rglob("*"))
    status, out, error = call(capsys, "train", folder, "--out", tmp_path / "run", "--size", 28)
    assert status == 130
    plan = recipes.read_plan(tmp_path / "run")
    assert plan.num_images == num_images
    assert sorted(plan.class_names) == sorted(class_names)
    assert all(reason in out for reason in plan.reasons)
    assert all(line.startswith(("note: ", "ganlib: ")) for line in error.splitlines())
    assert (out + error).count(said.format(folder)) == 1 or not said  # and not once more
    assert sorted((path, path.lstat().st_mtime_ns) for path in folder.rglob("*")) == before


def test_outputs_that_would_do_harm_are_refused(trained, capsys, tmp_path):
    pictures, full = trained / "my pictures", tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("years of work")
    train = ("train", pictures, "--out")
    assert "lies in the folder of pictures" in refusal(capsys, *train, pictures)
    assert "lies in the folder of pictures" in refusal(capsys, *train, pictures / "a" / "run")
    assert "not empty and holds no run" in refusal(capsys, *train, full)
    assert "nothing can be written" in refusal(capsys, *train, full / "thesis.tex" / "run")
    sample = ("sample", trained / "run", "--per-class", 2, "--no-measure", "--out")
    assert "lies in the folder of pictures" in refusal(capsys, *sample, pictures / "d")
    assert "is there already" in refusal(capsys, *sample, full)
    assert "is there already" in refusal(capsys, *sample, full / "thesis.tex")
    assert [path.name for path in full.iterdir()] == ["thesis.tex"]
    assert len(data.list_folder(pictures)) == 60


def test_more_samples_than_memory_are_refused(trained, capsys, tmp_path):
    line = ("sample", trained / "run", "--per-class", 999_999_999, "--out", tmp_path / "drawn")
    assert "expected an integer from 1 to 1826091." in refusal(capsys, *line)  # 2³² / (3 · 28²)
    assert not (tmp_path / "drawn").exists()


def test_samples_are_refused_before_they_are_drawn(trained, capsys, tmp_path, monkeypatch):
    (tmp_path / "full" / "of").mkdir(parents=True)
    monkeypatch.setattr(recipes, "drawn_from", lambda *_: 1 / 0)
    line = ("sample", trained / "run", "--per-class", 2, "--out", tmp_path / "full")
    assert "is there already" in refusal(capsys, *line)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "a.png"), "Permission denied: a.png. Change who"),
        (OSError(28, "No space left on device"), "No space left on device. Free some space"),
        (PermissionError(13, "nothing can be written in x. Give another"), "in x. Give another"),
        (OSError("no home folder. Set HOME"), "no home folder. Set HOME"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_what_the_system_refuses_has_a_way_out(error, said):
    assert said in cli._sentence(error)
    assert cli._sentence(error).count("ive another") <= 1


@pytest.mark.skipif(os.geteuid() == 0, reason="whoever is root may write everywhere")
def test_a_folder_that_must_not_be_written_is_named(trained, capsys, tmp_path):
    tmp_path.chmod(0o500)
    line = ("train", trained / "my pictures", "--out", tmp_path / "run")
    assert "nothing can be written" in refusal(capsys, *line)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--size", "64"], "received --size 64 for the run in"),
        (["--steps", "101"], "received --steps 101"),
        (["--no-classes"], "received --classes False"),
        (["--seed", "3"], "received --seed 3"),
        (["--flip"], "received --flip True"),
    ],
)
def test_a_run_is_not_gone_on_with_otherwise(more, said, trained, capsys):
    before = (trained / "run" / "run.json").read_text(encoding="utf-8")
    line = ("train", trained / "my pictures", "--out", trained / "run", *more)
    assert said in refusal(capsys, *line)
    assert (trained / "run" / "run.json").read_text(encoding="utf-8") == before


def test_a_run_of_another_folder_is_not_gone_on_with(trained, capsys, tmp_path):
    data.save_folder(digits(40), tmp_path / "others")
    said = refusal(capsys, "train", tmp_path / "others", "--out", trained / "run")
    assert "received FOLDER" in said


@pytest.mark.parametrize("command", [["report"], ["sample", "--num", "3", "--out", "drawn"]])
def test_what_is_no_run_is_refused(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, *rest = command
    assert "holds no run" in refusal(capsys, name, tmp_path / "nowhere", *rest)
    (tmp_path / "run").mkdir()
    for damaged in ("", "[]", '{"folder": 1}', "\x00"):
        (tmp_path / "run" / "run.json").write_text(damaged)
        assert "received a damaged plan" in refusal(capsys, name, tmp_path / "run", *rest)


def test_a_run_without_a_generator_says_so(trained, capsys, tmp_path):
    recipes.write_plan(recipes.read_plan(trained / "run"), tmp_path / "run")
    line = ("sample", tmp_path / "run", "--per-class", 3, "--out", tmp_path / "drawn")
    assert "there is no generator" in refusal(capsys, *line)
    said = refusal(capsys, "report", tmp_path / "run")
    assert "no checkpoint" in said


def test_folder_that_has_gone_is_named(trained, capsys, tmp_path):
    plan = recipes.read_plan(trained / "run")
    gone = dataclasses.replace(plan, folder=str(tmp_path / "gone"))
    recipes.write_plan(gone, tmp_path / "run")
    assert f"there is no folder {tmp_path / 'gone'}" in refusal(capsys, "report", tmp_path / "run")


# --- compare and doctor --------------------------------------------------------------------------


def test_compare_gives_an_answer_with_its_uncertainty(trained, capsys, tmp_path, monkeypatch):
    from ganlib import comparison

    def across_folds(pool, settings, unlabelled, *, num_folds, seed, tell, kept):
        assert (len(pool), unlabelled, num_folds, seed) == (60, None, 5, 0)
        assert kept.directory == Path("my pictures-run/compare")
        assert (settings.num_steps, settings.policy.flip) == (600, False)
        found = {"real": [50.0, 52.0, 51.0], "both": [60.0, 63.0, 61.0]}
        tell(0, found)
        return found

    monkeypatch.setattr(comparison, "across_folds", across_folds)
    monkeypatch.chdir(tmp_path)
    status, out, _ = call(capsys, "compare", trained / "my pictures")
    assert status == 0
    assert "Fold 1 of 5; about" in out
    assert re.search(r"both +61\.3% +\+10\.3 points, \+8\.8 to \+11\.9; better with conf", out)
    assert out.splitlines()[-1].startswith("Take both: ")


# Two arms that guess, by their seed and what they may learn from; one may end the process.
GUESSING = """
import os, signal
import numpy as np
from ganlib import comparison

class Guesses:
    def __init__(self, seed, images):
        self.rng = np.random.default_rng([seed, images.images.sum()])

    def probabilities(self, images):
        return self.rng.random((len(images), 3))

def arms(material, settings, discriminator, seed):
    def augmented():
        if seed == killed_in:
            os.kill(os.getpid(), signal.SIGKILL)
        return Guesses(seed + 100, material.labelled)

    return {"real": lambda: Guesses(seed, material.labelled), "classical": augmented}

comparison._arms = arms
"""


def test_a_comparison_that_was_killed_goes_on(trained, capsys, tmp_path, monkeypatch):
    from ganlib import comparison

    line = ["compare", trained / "my pictures", "--folds", "4", "--out"]
    code = f"killed_in = 1{GUESSING}\nimport sys\nfrom ganlib import __main__ as cli\n"
    code += "sys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *map(str, line), str(tmp_path / "killed")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == -signal.SIGKILL, found.stderr
    assert "Fold 1 of 4" in found.stdout
    assert "Fold 2 of 4" not in found.stdout
    assert (
        len(list((tmp_path / "killed").rglob("*.json"))) == 3
    )  # one fold, and one arm of the next

    monkeypatch.setattr(comparison, "_arms", comparison._arms)  # put back afterwards
    exec(GUESSING, {"killed_in": None})
    _, uninterrupted, _ = call(capsys, *line, tmp_path / "whole")
    status, out, error = call(capsys, *line, tmp_path / "killed")
    assert status == 0, error
    assert "Fold 1 of 4 (2 of 2 were done before): real" in out
    assert "Fold 2 of 4 (1 of 2 were done before)" in out
    assert "Fold 3 of 4; about" in out
    whole = [path.read_text() for path in sorted((tmp_path / "whole").rglob("*.json"))]
    assert [path.read_text() for path in sorted((tmp_path / "killed").rglob("*.json"))] == whole
    assert len(set(whole)) > 4
    assert out.splitlines()[-3:] == uninterrupted.splitlines()[-3:]  # the verdict
    _, again, _ = call(capsys, *line, tmp_path / "killed")
    assert again.count("(2 of 2 were done before): real") == 4
    assert "about" not in again.split("Fold 1", 1)[1]


def test_where_a_comparison_is_kept(trained, capsys, tmp_path, monkeypatch):
    pictures, full = trained / "my pictures", tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("years of work")
    assert "not empty and holds no run" in refusal(capsys, "compare", pictures, "--out", full)
    line = ("compare", pictures, "--out", pictures / "run")
    assert "lies in the folder of pictures" in refusal(capsys, *line)
    kept = []
    monkeypatch.setattr("ganlib.comparison.Kept", lambda path: kept.append(path) or 1 / 0)
    monkeypatch.chdir(pictures)  # from inside, beside it; else where one is
    refusal(capsys, "compare", ".")
    monkeypatch.chdir(tmp_path)
    refusal(capsys, "compare", pictures)
    assert kept == [trained / "my pictures-run" / "compare", Path("my pictures-run/compare")]


def test_two_at_once_do_not_share_a_folder(trained, capsys):
    from ganlib import _files

    line = ("train", trained / "my pictures", "--out", trained / "run")
    with _files.alone(trained / "run"):
        assert "another process is at work in" in refusal(capsys, *line)
    assert call(capsys, *line)[0] == 0


def test_compare_without_classes_is_refused(capsys, tmp_path):
    data.save_folder(data.Images(coloured(40, 30)), tmp_path / "pictures")
    assert "expected one sub-folder for each class" in refusal(
        capsys, "compare", tmp_path / "pictures"
    )


def test_doctor_says_what_is_here(capsys, monkeypatch):
    import keras

    monkeypatch.setattr(recipes, "minutes_here", lambda: {"28 × 28 grey, 7,000 steps": 3.0})
    status, out, _ = call(capsys, "doctor")
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in out.splitlines() if "  " in line)
    assert status == 0
    assert rows["Keras"] == keras.__version__
    assert rows["computes on"].startswith(("CPU", "NVIDIA", "2", "Tesla", "GPU"))
    assert rows["28 × 28 grey, 7,000 steps"] == "3 minutes"
    assert {"bfloat16", "Fashion-MNIST", "CIFAR-10"} <= rows.keys()


def test_doctor_works_where_tensorflow_is_missing():
    code = """
import sys
sys.modules["tensorflow"] = None
from ganlib import __main__ as cli
sys.exit(cli.main(["doctor", "--quick"]))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "NumPy" in found.stdout
    assert "TensorFlow" in found.stdout


def test_plans_are_plain_json(trained):
    text = (trained / "run" / "run.json").read_text(encoding="utf-8")
    assert json.loads(text)["class_names"] == ["a", "b", "c"]
