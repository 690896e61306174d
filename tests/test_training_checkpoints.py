"""Checkpoints are whole or absent, and the newest whole one is found."""

import numpy as np
import pytest

from ganlib.training import checkpoints


def save(directory, step, value=1.0, config=None):
    return checkpoints.save(
        directory,
        step,
        {"weights": [np.full(3, value), np.arange(2)], "empty": []},
        config or {"seed": 0},
        {"loss": np.array([value])},
    )


def test_what_is_saved_comes_back(tmp_path):
    save(tmp_path, 12, 2.5)
    step, state, config, history = checkpoints.load_latest(tmp_path)
    assert step == 12
    np.testing.assert_array_equal(state["weights"][0], np.full(3, 2.5))
    np.testing.assert_array_equal(state["weights"][1], [0, 1])
    assert config == {"seed": 0}
    np.testing.assert_array_equal(history["loss"], [2.5])


def test_the_order_of_many_arrays_is_kept(tmp_path):
    arrays = [np.array(i) for i in range(120)]
    checkpoints.save(tmp_path, 1, {"weights": arrays}, {}, {})
    _, state, _, _ = checkpoints.load_latest(tmp_path)
    assert [int(a) for a in state["weights"]] == list(range(120))


def test_the_two_newest_stay(tmp_path):
    for step in (5, 10, 100, 1000):
        save(tmp_path, step)
    assert list(checkpoints.steps(tmp_path)) == [100, 1000]


@pytest.mark.parametrize(
    "name",
    [
        "step-best.npz",
        "step-000000005 (1).npz",
        "step-000000005-Copy1.npz",
        "step-5.npz",
        "step-.npz",
        "step-٠٠٠٠٠٠٠٠٩.npz",
        "step-000000005.npz.part",
    ],
)
def test_other_files_in_the_folder_are_left_alone(name, tmp_path):
    other = tmp_path / name
    other.write_bytes(save(tmp_path, 5).read_bytes())
    for step in (6, 7, 2_000_000_000):  # ten digits come after nine
        save(tmp_path, step)
    assert list(checkpoints.steps(tmp_path)) == [7, 2_000_000_000]
    assert checkpoints.load_latest(tmp_path)[0] == 2_000_000_000
    assert other.exists()


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    save(tmp_path, 1)
    with pytest.raises(ValueError, match="received Python objects in state/mine/00000"):
        checkpoints.save(tmp_path, 2, {"mine": [np.array({"a": 1})]}, {}, {})
    assert checkpoints.load_latest(tmp_path)[0] == 1


def test_a_broken_file_is_passed_over_with_a_warning(tmp_path):
    save(tmp_path, 1, 1.0)
    newest = save(tmp_path, 2, 2.0)
    newest.write_bytes(newest.read_bytes()[:200])
    with pytest.warns(UserWarning, match=r"step-000000002\.npz cannot be read"):
        step, state, _, _ = checkpoints.load_latest(tmp_path)
    assert step == 1
    assert state["weights"][0][0] == 1.0


def test_a_flipped_bit_is_noticed(tmp_path):
    save(tmp_path, 1, 1.0)
    newest = save(tmp_path, 2, 2.0)
    content = bytearray(newest.read_bytes())
    content[content.index(np.full(3, 2.0).tobytes()) + 3] ^= 1
    newest.write_bytes(content)
    with pytest.warns(UserWarning, match="CRC"):
        assert checkpoints.load_latest(tmp_path)[0] == 1


def test_if_all_are_broken_nothing_is_started_over_silently(tmp_path):
    save(tmp_path, 1).write_bytes(b"no archive")
    with (
        pytest.warns(UserWarning, match="cannot be read"),
        pytest.raises(OSError, match="none of the 1"),
    ):
        checkpoints.load_latest(tmp_path)


def test_a_failed_save_leaves_the_last_checkpoint_and_no_debris(tmp_path, monkeypatch):
    save(tmp_path, 1)

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["step-000000001.npz"]


def test_an_empty_or_missing_folder_holds_no_checkpoint(tmp_path):
    assert checkpoints.load_latest(tmp_path) is None
    assert checkpoints.load_latest(tmp_path / "missing") is None


def test_equal_configurations_pass_and_the_first_different_field_is_named():
    config = {"seed": 0, "layers": [["Dense", 3], ["Dense", 4]]}
    checkpoints.require_same_config(config, dict(config), "run")
    other = {"seed": 0, "layers": [["Dense", 3], ["Dense", 5]]}
    with pytest.raises(
        ValueError, match=r"layers, entry 1 = \[\['Dense', 4\]\].*\[\['Dense', 5\]\]"
    ):
        checkpoints.require_same_config(config, other, "run")
    with pytest.raises(ValueError, match=r"seed = 0.*seed = None"):
        checkpoints.require_same_config(config, {"layers": config["layers"]}, "run")
