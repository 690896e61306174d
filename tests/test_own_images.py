"""Lab 08 as a tool: on folders as people have them, interrupted, and on what will not do."""

import json
import os
import shutil

import nbformat
import numpy as np
import papermill
import pytest
from PIL import Image

from ganlib import training
from ganlib.training import checkpoints
from tests.test_data_folders import BROKEN
from tools import notebooks

LAB = notebooks.LABS / "08_own_images.ipynb"
SMALL = {
    "image_size": 28,
    "width": 4,
    "batch_size": 8,
    "num_steps": 60,
    "checkpoint_every": 20,
    "num_generated": 12,
    "num_measured": 40,
}

pytestmark = pytest.mark.skipif(not LAB.exists(), reason="the lab is not there")


def run_lab(folder, **parameters):
    """Runs the lab by papermill in a folder; returns what it printed."""
    with pytest.MonkeyPatch.context() as context:
        for name, value in notebooks.kernel_environment().items():
            context.setenv(name, value)
        papermill.execute_notebook(
            str(LAB),
            str(folder / "run.ipynb"),
            parameters=parameters,
            kernel_name="python3",
            cwd=str(folder),
            progress_bar=False,
        )
    outputs = [
        output
        for cell in nbformat.read(folder / "run.ipynb", as_version=4).cells
        for output in cell.get("outputs", [])
    ]
    return "".join(output.text for output in outputs if output.output_type == "stream")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder of two classes with 24 pictures, every kind of bad file among them, and notes."""
    folder = tmp_path_factory.mktemp("tool") / "my pictures"
    cats, dogs = folder / "cats", folder / "dogs"
    cats.mkdir(parents=True)
    dogs.mkdir()
    rng = np.random.default_rng(0)
    for number in range(23):
        side = (20, 64, 100)[number % 3]
        shape = (side, 2 * side, 3) if number == 5 else (side, side, 3)
        picture = Image.fromarray(rng.integers(0, 256, shape, np.uint8))
        picture.save((cats, dogs)[number // 9 % 2] / f"{number:02d}.{('png', 'jpg')[number % 2]}")
    shutil.copyfile(cats / "00.png", cats / "23.png")
    for name, contents in BROKEN.items():
        (dogs / name).write_bytes(contents(folder))
    (dogs / "link.png").symlink_to(folder / "gone.png")
    os.mkfifo(dogs / "pipe.png")
    (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def first_run(mixed):
    """The lab on that folder; returns the output folder and what was printed."""
    printed = run_lab(mixed.parent, image_dir="my pictures", output_dir="out", **SMALL)
    return mixed.parent / "out", printed


BAD = [*BROKEN, "link.png", "pipe.png"]


@pytest.mark.late(1)
def test_run_on_a_mixed_folder_names_every_bad_file_in_its_output_and_its_report(first_run):
    out, printed = first_run
    page = (out / "report.html").read_text(encoding="utf-8")
    assert len(BAD) >= 10
    for name in BAD:
        assert f"left out: dogs/{name} (" in printed
        assert f">dogs/{name}</th>" in page
    assert f"24 pictures read, {len(BAD)} left out" in printed
    assert "notes.txt" not in page
    assert "9 enlarged, 1 cut by more than a third, 1 copies" in printed
    assert "class cats: 15 pictures" in printed
    assert '<th scope="row">dogs</th><td>9</td>' in page


@pytest.mark.late(1)
def test_run_leaves_pictures_grid_generator_and_report(first_run):
    out, _ = first_run
    drawn = sorted((out / "generated").glob("*.png"))
    assert len(drawn) == 12
    with Image.open(drawn[0]) as picture:
        assert (picture.size, picture.mode) == ((28, 28), "RGB")
    with Image.open(out / "grid.png") as grid:
        assert grid.size == (8 * 28 + 7 * 2, 28)  # a full row of eight
    assert training.load_generator(out / "generator.keras").output_shape == (None, 28, 28, 3)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") >= 6
    assert "http" not in page
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["num_images"] == 21  # of 24, every tenth is held out, the first one included


@pytest.mark.late(1)
def test_second_call_after_a_lost_session_goes_on_and_ends_alike(mixed, first_run):
    out, _ = first_run
    path = checkpoints.path_of(out / "checkpoints", 60)
    _, whole, _, history = checkpoints.load_latest(out / "checkpoints")
    path.unlink()  # as if the session had been lost after step 40
    printed = run_lab(mixed.parent, image_dir="my pictures", output_dir="out", **SMALL)
    assert "40 of 60 steps are done already" in printed
    step, resumed, _, longer = checkpoints.load_latest(out / "checkpoints")
    assert step == 60
    # Losses are recorded at every checkpoint, and every 50 steps.
    assert longer["step"].tolist() == history["step"].tolist() == [20, 40, 50, 60]
    np.testing.assert_array_equal(longer["generator_loss"], history["generator_loss"])
    for name, arrays in whole.items():
        for one, other in zip(arrays, resumed[name], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.late(1)
def test_call_on_a_finished_run_trains_no_step_and_draws_again(mixed, first_run):
    out, _ = first_run
    before = checkpoints.load_latest(out / "checkpoints")[3]
    printed = run_lab(
        mixed.parent, image_dir="my pictures", output_dir="out", **{**SMALL, "num_generated": 7}
    )
    assert "60 of 60 steps are done already" in printed
    after = checkpoints.load_latest(out / "checkpoints")[3]
    np.testing.assert_array_equal(after["seconds"], before["seconds"])
    assert len(list((out / "generated").glob("*.png"))) == 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image_dir", "output_dir", "message"),
    [
        ("nowhere", "out2", "there is no folder nowhere"),
        ("empty", "out2", "empty holds no pictures: expected files ending in"),
        ("few", "out2", "few has 3 readable pictures; expected at least 20"),
        ("few", "few/out", "lies in image_dir"),
    ],
    ids=["no folder", "no pictures", "too few", "output among the pictures"],
)
def test_folder_that_will_not_do_is_refused_with_the_reason(
    tmp_path, image_dir, output_dir, message
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "few").mkdir()
    for number in range(3):
        Image.new("RGB", (30, 30)).save(tmp_path / "few" / f"{number}.png")
    with pytest.raises(papermill.PapermillExecutionError, match=message):
        run_lab(tmp_path, image_dir=image_dir, output_dir=output_dir, **SMALL)
    assert not list(tmp_path.rglob("step-*.npz"))
