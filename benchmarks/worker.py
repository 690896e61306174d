"""Contestants in processes of their own, of which one works at a time.

Each framework then has its own threads and settings, and a peak of memory belongs to one
contestant. The parent holds the workers in step: it sends one a command, waits for the answer, and
goes on to the next, so that a machine that slows down slows all of them. Commands and answers are
lines of JSON.

    python -m benchmarks.worker quality '{"name": "ganlib"}'      (started by `Worker`)
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile

from ganbook.keys import ROOT

# On a GPU the first process would otherwise take nearly all memory, and the next one find none.
_OF_ALL = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


class WorkerError(Exception):
    """A worker that ended before it answered; the message holds its last lines."""


class Worker:
    """A process that serves one contestant of a part; a context manager that ends it.

    Args:
        part: module of this package with a function ``serve(arguments, channel)``.
        arguments: dict for that function.
        environment: dict of further variables of its environment, such as
            ``ganbook.kept.ONE_THREAD``.
    """

    def __init__(self, part, arguments, environment=None):
        self._name = f"{part} {arguments.get('name', '')}"
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", part, json.dumps(arguments)],
            cwd=ROOT,
            env=os.environ | _OF_ALL | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, **command):
        """Returns the answer (dict) to a command."""
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: its answer is missing below
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            last = "".join(self._errors.readlines()[-15:])
            raise WorkerError(f"{self._name} ended with {self._process.returncode}:\n{last}")
        return json.loads(line)

    def close(self):
        """Ends the process: it stops where it would wait for the next command."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # in the middle of work, when the parent was interrupted
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Channel:
    """The worker's end: commands come in, answers go out."""

    def __init__(self):
        self._answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # what libraries print must not be taken for an answer

    def receive(self):
        """Returns the next command, a dict; ends the process where there is none."""
        line = sys.stdin.readline()
        if not line:
            raise SystemExit(0)
        return json.loads(line)

    def send(self, **answer):
        """Answers the last command."""
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()


def contestant(home):
    """Returns a contestant's class, which the parent names: a worker's code names none of them.

    So what one contestant's run is made from (`benchmarks.recipe.key`) has no part of the others'.

    Args:
        home: its module in this package, and its name there.
    """
    module, name = home
    return getattr(importlib.import_module(f"benchmarks.{module}"), name)


if __name__ == "__main__":
    channel = Channel()
    module = importlib.import_module(f"benchmarks.{sys.argv[1]}")
    module.serve(json.loads(sys.argv[2]), channel)
