"""The bench's part on folders: all contestants deliver the same pictures, each once in an epoch."""

import importlib.util
import json
import types

import numpy as np
import pytest

from benchmarks import folder, loaders_keras, tables
from ganlib import data
from ganlib._tensorflow import tf
from tools import bench

HAS_TORCH = importlib.util.find_spec("torch") is not None
NEEDS_TORCH = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")
NUM_FILES = 30


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return folder.write_pictures(tmp_path_factory.mktemp("scratch"), NUM_FILES)


def test_pictures_are_written_once_and_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_FILES_PER_PART", 8)
    path = folder.write_pictures(tmp_path, 20)
    files = sorted(path.rglob("*.png"))
    assert len(files) == 20
    assert len({file.read_bytes() for file in files}) == 20
    times = [file.stat().st_mtime_ns for file in files]
    assert folder.write_pictures(tmp_path, 20) == path
    assert [file.stat().st_mtime_ns for file in files] == times
    (tmp_path / "pictures_20.done").unlink()  # it was interrupted: begun anew
    files[3].unlink()
    assert len(sorted(folder.write_pictures(tmp_path, 20).rglob("*.png"))) == 20


def loader_of(name, pictures, scratch):
    if name == "torch":
        from benchmarks import loaders_torch

        return loaders_torch.TorchFolder(pictures, 10, scratch)
    _, (_, cls), options = folder.CONTESTANTS[name]
    return getattr(loaders_keras, cls)(pictures, 10, str(scratch), **options)


@pytest.mark.parametrize(
    "name", [n if n != "torch" else pytest.param(n, marks=NEEDS_TORCH) for n in folder.CONTESTANTS]
)
def test_an_epoch_is_all_pictures_in_the_models_range(name, pictures, tmp_path):
    loader = loader_of(name, pictures, tmp_path)
    pixels = data.load_folder(pictures, image_size=64).images
    expected = pixels.mean() / 127.5 - 1
    for _ in range(2):
        assert loader.epoch() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kept", [False, True])
def test_the_pipeline_shuffles_anew_in_each_epoch(kept, pictures, tmp_path):
    loader = loaders_keras.TFData(pictures, 10, str(tmp_path), kept)
    batches = loader._pipeline()
    one, two = (np.concatenate(list(batches.as_numpy_iterator())) for _ in range(2))
    assert one.shape == (NUM_FILES, 64, 64, 3)
    assert (one != two).any()
    np.testing.assert_array_equal(*(np.sort(x.reshape(NUM_FILES, -1).sum(1)) for x in (one, two)))


def test_ganlibs_sum_is_that_of_the_batches_it_was_given():
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3)).astype(np.uint8)
    indices = np.array([[[0, 3, 3]], [[8, 1, 2]]], np.int32)
    expected = sum((images[batch[0]] / 127.5 - 1).mean() for batch in indices)
    assert float(loaders_keras._sum_of_means(tf.constant(images), indices)) == pytest.approx(
        expected
    )


class FakeWorker:
    """Takes 2 s for the first epoch, and 1 s for the second; of PyTorch, ten times as long."""

    means = types.MappingProxyType({})

    def __init__(self, part, about):
        assert part == "folder"
        self.name, self.slow = about["name"], 10 if about["name"] == "torch" else 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, **command):
        seconds = {"first": 2.0, "second": 1.0}.get(command.get("epoch"))
        return seconds and {
            "seconds": self.slow * seconds,
            "mean": FakeWorker.means.get(self.name, 0.25),
        }


def test_ratios_say_how_many_times_as_fast_ganlib_was_in_the_same_round(tmp_path, monkeypatch):
    monkeypatch.setattr(folder.worker, "Worker", FakeWorker)
    monkeypatch.setattr(bench.Bench, "torch", lambda self: True)
    one = bench.Bench(quick=True, output=tmp_path)
    folder.run(one)
    summary = json.loads((tmp_path / "folder.json").read_text(encoding="utf-8"))["summary"]
    assert summary["torch"]["first_ratio"] == summary["torch"]["second_ratio"] == 10
    assert summary["tf_data"]["first_images_per_second"] == 100 / 2
    assert summary["ganlib"]["second_images_per_second"] == 100
    section = tables.measured_section(tmp_path)[1]
    assert section["folder"]["torch"]["second_ratio"] == 10


def test_contestants_that_deliver_something_else_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(folder.worker, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "means", {"tf_data": 0.3})
    about = {"number": 0, "contestants": ["ganlib", "tf_data"]}
    with pytest.raises(ValueError, match="delivered other pictures"):
        folder.measure_round(tmp_path, about)


def test_a_round_is_made_from_its_own_contestants():
    protocol = {"num_rounds": 1, "num_files": 1}
    keys = [
        folder.plan(protocol, names)[0].key
        for names in (["ganlib"], ["ganlib", "tf_data"], ["ganlib", "tf_data_cached"])
    ]
    assert keys[0] != keys[1] == keys[2]


@pytest.mark.slow
def test_the_part_runs_small(tmp_path):
    words = ["folder", "--quick", "--output", str(tmp_path), "--only", "ganlib", "tf_data"]
    assert bench.main(words) == 0
    summary = json.loads((tmp_path / "folder.json").read_text(encoding="utf-8"))["summary"]
    assert set(summary) == {"ganlib", "tf_data"}
