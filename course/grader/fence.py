"""The judge's side of the fence: starts the students' processes and asks them.

The student's code runs in a process of its own for each question, so that whatever it does there
costs that question and no other. A process that computes for too long, or ends, has failed; one
that the *clock* stops may have waited for a busy machine, and is not judged.
"""

import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from course.grader.fenced import frames, walls

NURSERY = Path(__file__).with_name("fenced") / "nursery.py"


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much a submission may use.

    Attributes:
        seconds: of computing time for one answer.
        all_seconds: of computing time for all questions together.
        wait: on the clock, for one answer; then it is not judged.
        start: on the clock, for the imports of what submissions need.
    """

    seconds: float = 20.0
    all_seconds: float = 120.0
    wait: float = 90.0
    start: float = 300.0


class Wrong(Exception):  # noqa: N818, a verdict and no error
    """The student's answer cannot be right; the text says why and is shown to the student."""


class Ungraded(Exception):  # noqa: N818
    """The grader could not find out; the text says why. It costs no points."""


REFUSALS = {
    "missing": "{name} is not defined. Only imports, functions, classes and constants are taken "
    "from your notebook; is the name spelt as in the task?",
    "none": "{name} returned None; is a `return` missing?",
    "complex": "{name} returned complex numbers, expected real ones",
    "object": "{name} returned something that is not made of numbers",
    "no function": "{name} is defined, but it is no function",
}


def another_user():
    """Returns the first of the users for students' processes, or 0 where there can be none.

    Only root can start processes of another user, who must be able to read Python.
    """
    paths = [Path(path).resolve() for path in walls.readable()]
    paths += [Path(sys.executable).resolve()]
    steps = {step for path in paths for step in (path, *path.parents)}
    is_open = all(os.stat(step).st_mode & 0o005 == 0o005 for step in steps)
    return walls.FIRST_USER if os.geteuid() == 0 and is_open else 0


class Fence:
    """One process for a class: it has imported what submissions need and forks for each question.

    It is a context manager.

    Args:
        modules: what it imports at the start, names.
        probes: a file of functions that call a student's function in some way, or None.
        limits: `Limits`.
    """

    def __init__(self, modules=(), probes=None, limits=Limits()):
        self.limits, self.user, self.count = limits, another_user(), 0
        self.folder = tempfile.TemporaryDirectory(prefix="fence-")
        self.control, other = socket.socketpair()
        setting = {"modules": list(modules), "probes": probes and str(probes)}
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        threads |= {f"TF_NUM_{name}_THREADS": "1" for name in ("INTEROP", "INTRAOP")}
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg"}
        nowhere = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "KERAS_HOME": self.folder.name}
        self.log = Path(self.folder.name) / "log"
        with other, self.log.open("wb") as log:
            self.nursery = subprocess.Popen(
                [sys.executable, "-I", "-B", NURSERY, str(other.fileno()), json.dumps(setting)],
                pass_fds=[other.fileno()],
                env={"PATH": os.defpath, "LANG": "C.UTF-8", **threads, **quiet, **nowhere},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd="/",
            )
        try:
            self._receive(limits.start)
        except Ungraded:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the process, and with it those that it has forked."""
        self.control.close()
        self.nursery.terminate()
        self.nursery.wait()
        self.folder.cleanup()

    def _receive(self, seconds):
        """Returns what the nursery says."""
        self.control.settimeout(seconds)
        try:
            text = self.control.recv(1 << 16)
        except TimeoutError as error:
            raise Ungraded(
                f"the grader's own process did not answer for {seconds:.0f} s"
            ) from error
        except OSError:
            text = b""
        if not text:
            last = self.log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise Ungraded(f"the grader's own process has ended: {last or 'it said nothing'}")
        return json.loads(text)

    def fork(self, pipes, hard):
        """Starts a student's process. Returns its number."""
        self.count += 1
        user = self.user and self.user + self.count % 4096
        job = {"user": user, "seconds": self.limits.seconds, "hard": int(hard) + 1}
        with contextlib.suppress(OSError):  # it has ended, which is found at once
            socket.send_fds(self.control, [json.dumps({"fork": job}).encode()], pipes)
        return self._receive(60)["pid"]

    def end(self, number, patience):
        """Ends a student's process. Returns the seconds that it has used and what killed it."""
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps({"end": number, "patience": patience}).encode())
        reply = self._receive(60)
        return reply["seconds"], reply["signal"]


class Submission:
    """A student's notebook, behind the fence.

    Args:
        fence: `Fence`.
        cells: the code of its cells.
    """

    def __init__(self, fence, cells):
        self.fence, self.cells = fence, cells
        self.left = fence.limits.all_seconds
        self.complaints = []  # of cells that are no Python: (cell, words, line)

    def question(self, names):
        """Starts a process for a question.

        Args:
            names: the functions that may be asked for.

        Returns:
            `Student`, a context manager.
        """
        return Student(self, names)


class Student:
    """The process of one question, started anew after it has failed.

    Args:
        submission: `Submission`.
        names: the functions that may be asked for.
    """

    def __init__(self, submission, names):
        self.submission, self.names, self.process = submission, sorted(names), None
        self.dead = {}  # function -> the exception for which it is not asked again
        self.used = 0.0  # seconds of computing, as the process told with its last answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop(0)

    def ask(self, name, *arguments, probe="call", **options):
        """Calls a student's function.

        Args:
            name: the function.
            *arguments: arrays, numbers and strings.
            probe: how it is called: see `fenced.worker`.
            **options: arguments by name, for JSON.

        Returns:
            A list of arrays, or a string if a string was asked for.

        Raises:
            Wrong: if it gave no numbers; the text says what it did instead.
            Ungraded: if the clock or the grader failed.
        """
        if name in self.dead:
            raise self.dead[name]
        try:
            if self.process is None:
                self._start()
            listed, arrays = frames.encode(arguments)
            request = {"name": name, "probe": probe, "arguments": listed, "options": options}
            self._send(request, arrays)
            message, arrays = self._read()
        except (Wrong, Ungraded) as verdict:
            self.dead[name] = type(verdict)(f"{name} {verdict}")
            raise self.dead[name] from None
        used = message.get("used")
        self.used = used if isinstance(used, float) else 0.0
        if "text" in message:
            return str(message["text"])
        if "refused" in message:
            text = REFUSALS.get(message["refused"], "{name} could not be asked")
            raise Wrong(text.format(name=name))
        if "failed" in message:
            raise Failed(name, message["failed"], self.submission.cells)
        return arrays

    def _start(self):
        if self.submission.left <= 0:
            raise Wrong(f"was not asked: all {self.submission.fence.limits.all_seconds:.0f} s "
                        "of computing time were used")  # fmt: skip
        self.used = 0.0
        requests, self.requests = os.pipe()
        self.replies, replies = os.pipe()
        try:
            self.process = self.submission.fence.fork([requests, replies], self.submission.left)
        finally:
            for pipe in (requests, replies):
                os.close(pipe)
            if self.process is None:
                self._close()
        self._send({"cells": self.submission.cells, "names": self.names}, ())
        message, _ = self._read()
        complaints = message.get("complaints")
        if isinstance(complaints, list):
            self.submission.complaints = complaints[:20]

    def _close(self):
        for pipe in (self.requests, self.replies):
            os.close(pipe)

    def _stop(self, patience):
        """Ends the process. Returns the seconds that it has used and what killed it."""
        if self.process is None:
            return 0.0, 0
        number, self.process = self.process, None
        self._close()
        seconds, killer = self.submission.fence.end(number, patience)
        self.submission.left -= seconds
        return seconds, killer

    def _fail(self, words, patience=0):
        """Ends the process and raises what that means."""
        limits, left = self.submission.fence.limits, self.submission.left
        seconds, killer = self._stop(patience)
        # The kernel sends the first signal at the limit of an answer, the second at that of all.
        slow = killer == signal.SIGXCPU or (killer == signal.SIGKILL and seconds >= left)
        if slow or (not words and seconds - self.used >= limits.seconds):
            raise Wrong(f"computed for more than {limits.seconds:.0f} s and was stopped")
        if not words:
            raise Ungraded(
                f"was stopped by the clock after {limits.wait:.0f} s, {seconds - self.used:.0f} s "
                "of them computing: the machine was busy, or the code waits. Try again."
            )
        raise Wrong(words)

    def _send(self, message, arrays):
        data = memoryview(frames.pack(message, arrays))
        end = time.monotonic() + self.submission.fence.limits.wait
        os.set_blocking(self.requests, False)
        while data:
            if not select.select([], [self.requests], [], max(0, end - time.monotonic()))[1]:
                self._fail("")
            try:
                data = data[os.write(self.requests, data) :]
            except BrokenPipeError:
                self._fail("ended its process", patience=2)

    def _read(self):
        end = time.monotonic() + self.submission.fence.limits.wait
        head, body = frames.lengths(self._bytes(frames.PREFIX.size, end))
        if head > frames.MAX_HEAD or body > frames.MAX_BODY:
            self._fail(f"returned more than {frames.MAX_BODY >> 20} MiB, or broke the line")
        try:
            message, arrays = frames.unpack(self._bytes(head, end), self._bytes(body, end))
        except frames.BrokenFrameError:
            self._fail("sent a reply that cannot be read")
        if not isinstance(message, dict):
            self._fail("sent a reply that cannot be read")
        return message, [np.array(array) for array in arrays]

    def _bytes(self, length, end):
        data = bytearray()
        while len(data) < length:
            if not select.select([self.replies], [], [], max(0, end - time.monotonic()))[0]:
                self._fail("")
            piece = os.read(self.replies, min(length - len(data), 1 << 20))
            if not piece:
                self._fail("ended its process", patience=2)
            data += piece
        return bytes(data)


class Failed(Wrong):
    """A student's function raised an exception.

    Args:
        name: the function.
        failed: what the student's process says of it, and so perhaps nonsense.
        cells: the student's code, from which the line is taken.
    """

    def __init__(self, name, failed, cells):
        failed = failed if isinstance(failed, dict) else {}
        kind = str(failed.get("type"))[:40]
        self.kind = kind if kind.isidentifier() else "an exception"
        where = ""
        try:
            cell, line = failed["place"]
            where = f" in `{cells[cell].splitlines()[line - 1].strip()[:100]}`"
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            pass
        # The text may quote what the function was given: a hidden check leaves it out.
        self.text = str(failed.get("text", ""))[:200]
        if self.kind == "NotImplementedError":
            super().__init__(f"{name} is not written yet")
        else:
            super().__init__(f"{name} raised {self.kind}{where}")
