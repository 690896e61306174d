"""`make gpu-check`: what it asks, what it leaves out by name, what it calls wrong, and its page."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from tools import gpu_check


class Here:
    """Stands in for the processes: answers as a machine with so many GPUs would."""

    def __init__(self, gpus=0, apart=0.0):
        self.gpus, self.apart, self.asked = gpus, apart, []

    def answer(self, part, environment, about):
        self.asked.append((part, environment, about))
        if "weights" in about:
            exact = about.get("deterministic") or not self.gpus
            moved = 0.0 if exact and not about.get("descent") else self.apart * len(self.asked)
            np.savez(about["weights"], np.array([1.0, 2.0 + moved]))
        if part == "machine":
            rates = {"float32": 1e12} | ({"TF32": 2e12} if self.gpus else {})
            device = f"{self.gpus} × NVIDIA L4" if self.gpus else "CPU, 2 cores"
            return {
                "device": device, "gpus": self.gpus, "tensorflow": "2.21", "keras": "3.15",
                "built_for": "['sm_80']", "rates": rates, "bandwidth": 3e11,
            }  # fmt: skip
        row = {
            "losses": [[1.0], [0.7]], "step_ms": 2.0, "compile_seconds": 9.0, "batch_size": 64,
            "images_per_second": 32000.0, "fraction_of_limit": 0.25,
        }  # fmt: skip
        rest = {
            "run": row,
            "sweep": {"rows": [row]},
            "quality": {
                "num_steps": about["num_steps"], "distance": 0.012, "training_seconds": 20.0,
                "compile_seconds": 9.0,
            },
            "several": {"devices": max(2, self.gpus), "difference": 1e-7, "step_ms": [1.0, 0.6]},
        }  # fmt: skip
        return rest[part]


@pytest.fixture
def check(monkeypatch, tmp_path):
    """A function that makes the checks on a machine; returns status, rows by check, and page."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def check(here, *words):
        def run(command, env, **_):
            part, about = command[3], json.loads(command[4])
            answer = here.answer(part, {k: env.get(k) for k in gpu_check.CPU}, about)
            return SimpleNamespace(returncode=0, stdout="noise\n" + json.dumps(answer), stderr="")

        if isinstance(here, Here):
            monkeypatch.setattr(gpu_check.subprocess, "run", run)
        status = gpu_check.main(["--output", str(tmp_path), *words])
        results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
        return status, results["checks"], (tmp_path / "page.md").read_text(encoding="utf-8")

    return check


def verdicts(rows):
    return {title: verdict for title, _, verdict in rows}


def test_without_a_gpu_what_needs_one_is_left_out_by_name(check):
    status, report, page = check(Here())
    assert status == 0
    assert list(report) == list(gpu_check.CHECKS)
    left_out = [t for rows in report.values() for t, v, w in rows if w == "skipped"]
    for name in ("TF32", "bfloat16", "own kernels on a GPU", "enable_op_determinism", "lab 7 to"):
        assert any(name in title for title in left_out), name
    assert "several GPUs" in left_out
    assert all(rows for rows in report.values())
    assert "CPU, 2 cores" in page
    for name, words in gpu_check.TELLS.items():
        assert f"## {name}" in page
        assert words in page


def test_with_gpus_nothing_is_left_out(check):
    here = Here(gpus=2)
    status, report, _ = check(here)
    assert status == 0
    assert "skipped" not in [
        w for name, rows in report.items() if name != "machine" for *_, w in rows
    ]
    assert verdicts(report["quality"])["relative Fréchet distance"] == "right"
    assert any("2 GPUs against one" in title for title in verdicts(report["several"]))
    on_cpu = [about for part, env, about in here.asked if env == gpu_check.CPU]
    assert len(on_cpu) == 1  # the reference
    assert on_cpu[0]["jit_compile"] is False


def test_on_a_gpu_bits_may_differ_by_default_and_not_with_the_option(check):
    _, report, _ = check(Here(gpus=1, apart=1e-5), "--only", "resume", "repeated")
    assert verdicts(report["resume"]) == {"by default": "", "with enable_op_determinism": "right"}
    assert verdicts(report["repeated"])["weights, with enable_op_determinism"] == "right"
    assert verdicts(report["repeated"])["weights, by default"] == ""


def test_wrong_weights_are_called_wrong_and_end_with_one(check):
    status, report, page = check(Here(gpus=1, apart=0.1), "--only", "correct")
    assert status == 1
    found = verdicts(report["correct"])
    assert found["weights, XLA on this GPU"] == "WRONG"
    assert found["losses, XLA on this GPU"] == "right"
    assert "2 wrong" in page


def test_a_part_that_fails_costs_its_check_alone(check, monkeypatch):
    here = Here()
    answer = here.answer

    def failing(part, environment, about):
        if part == "sweep":
            raise gpu_check.NoAnswerError("failed: ResourceExhaustedError: out of memory")
        return answer(part, environment, about)

    here.answer = failing
    status, report, page = check(here)
    assert status == 1
    assert report["batches"] == [
        ["batches", "failed: ResourceExhaustedError: out of memory", "WRONG"]
    ]
    assert verdicts(report["several"])["weights, 2 shares of the CPU against one"] == "right"
    assert "out of memory" in page


def test_after_its_minutes_nothing_begins(check):
    status, report, _ = check(Here(), "--minutes", "0")
    assert status == 0
    assert list(report) == ["machine"]
    assert "the time is over" in report["machine"][0][1]


def test_a_process_that_ends_badly_is_told_by_its_last_line(tmp_path, monkeypatch):
    bad = SimpleNamespace(returncode=1, stdout="", stderr="Traceback\nInternalError: no kernel\n")
    monkeypatch.setattr(gpu_check.subprocess, "run", lambda *_, **__: bad)
    with pytest.raises(gpu_check.NoAnswerError, match="failed: InternalError: no kernel"):
        gpu_check.Bench(tmp_path).ask("run", num_steps=1)


def test_distance_is_that_of_all_weights_together(tmp_path):
    np.savez(tmp_path / "a.npz", np.array([0.0, -3.0]), np.array([4.0, 0.0]))
    np.savez(tmp_path / "b.npz", np.array([0.3, -3.0]), np.array([4.0, 0.4]))
    found = gpu_check.distance(tmp_path / "a.npz", tmp_path / "b.npz")
    assert found == pytest.approx(0.1)  # √(0.09 + 0.16) / √(9 + 16)
    assert gpu_check.distance(tmp_path / "b.npz", tmp_path / "b.npz") == 0


@pytest.mark.slow
def test_it_runs_to_its_end_here(check):
    """The processes themselves, as small as they can be."""
    status, report, _ = check(None, "--quick", "--minutes", "60")
    assert status == 0, report
    assert verdicts(report["resume"])["by default"] == "right"
    assert verdicts(report["correct"])["weights, XLA on this CPU"] == "right"
