"""What a student's process does: it runs the definitions that a question needs, and calls them.

It is told which function to call with which arrays, and sends back what that returned. All that it
says is believed by nobody: the judge takes it for the student's own word.
"""

import linecache
import os
import sys
import traceback

import numpy as np

from course.grader.fenced import extract, frames, walls


class Refused(Exception):  # noqa: N818, an answer and no error
    """An answer that cannot be compared: a word that the judge makes a sentence of."""


def call(function, *arguments, **options):
    """The plain probe: calls a student's function."""
    return function(*arguments, **options)


def numbers(value):
    """Makes arrays of what a function returned.

    Returns:
        A list of arrays: one of each element of a tuple, or of a list of arrays of several shapes.

    Raises:
        Refused: if it is something else than numbers.
    """
    if isinstance(value, tuple) or (isinstance(value, list) and len({*map(np.shape, value)}) > 1):
        return [array for element in value for array in numbers(element)]
    if value is None:
        raise Refused("none")
    array = np.asarray(value.numpy() if callable(getattr(value, "numpy", None)) else value)
    if array.dtype.kind == "c":
        raise Refused("complex")
    if array.dtype.kind not in frames.KINDS:
        raise Refused("object")
    return [array]


def define(parts, cells, space):
    """Runs definitions one after the other; one that fails is left out.

    Returns:
        For each name that is missing for that reason, what went wrong.
    """
    failed = {}
    for part in parts:
        name = f"<cell {part['cell']}>"
        text = extract.without_magics(cells[part["cell"]])
        # Whoever asks for a function's source, as TensorFlow's AutoGraph does, finds it.
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        try:
            module = extract.ast.Module([part["node"]], type_ignores=[])
            exec(compile(module, name, "exec"), space)
        except BaseException as error:  # also SystemExit
            failed.update(dict.fromkeys(part["names"], what_failed(error)))
    return failed


def what_failed(error):
    """Describes an exception: its type, its text, and the student's line that it came from."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith("<cell "):
            place = [int(frame.filename[6:-1]), frame.lineno]
            break
    else:
        place = None
    return {"type": type(error).__name__, "text": str(error)[:300], "place": place}


class Worker:
    """A student's process, from its first message on.

    Args:
        requests, replies: files of bytes, the two ends of its pipes.
        probes: name -> function that calls a student's function in some way.
    """

    def __init__(self, requests, replies, probes):
        self.requests, self.replies = requests, replies
        self.probes = {"call": call, **probes}

    def read(self):
        """Waits for a message. The judge is trusted here."""
        prefix = self.requests.read(frames.PREFIX.size)
        if len(prefix) < frames.PREFIX.size:
            os._exit(0)
        head, body = (self.requests.read(length) for length in frames.lengths(prefix))
        return frames.unpack(head, body)

    def write(self, message, arrays=()):
        """Sends a message."""
        self.replies.write(frames.pack(message, arrays))
        self.replies.flush()

    def run(self, seconds, hard):
        """Takes the definitions, says which could not be had, and answers until the end.

        Args:
            seconds: of computing time for the definitions, and again for each answer.
            hard: the same for all together.
        """
        message, _ = self.read()
        walls.limit(seconds, hard)
        parts, complaints = extract.definitions(message["cells"])
        space = {"__name__": "submission"}
        failed = define(extract.needed(parts, message["names"]), message["cells"], space)
        self.write({"complaints": complaints})
        while True:
            message, arrays = self.read()
            walls.limit(seconds, hard)
            reply, arrays = self.answer(message, arrays, space, failed)
            self.write({**reply, "used": walls.used()}, arrays)

    def answer(self, message, arrays, space, failed):
        """Calls a function. Returns a message and arrays."""
        name, options = message["name"], message["options"]
        arguments = frames.decode(message["arguments"], arrays)
        if name not in space:
            return {"failed": failed[name]} if name in failed else {"refused": "missing"}, ()
        try:
            if message["probe"] == "value":
                value = space[name]
                if isinstance(value, str):
                    return {"text": value[:100]}, ()
            elif not callable(space[name]):
                raise Refused("no function")
            else:
                value = self.probes[message["probe"]](space[name], *arguments, **options)
            return {}, numbers(value)
        except Refused as error:
            return {"refused": str(error)}, ()
        except BaseException as error:  # also SystemExit
            return {"failed": what_failed(error)}, ()


def main(requests, replies, job, probes):
    """Puts up the walls and works. It never returns.

    Args:
        requests: descriptor of the pipe that is read.
        replies: descriptor of the pipe that is written.
        job: what `fence.Fence` sends: user, seconds, hard.
        probes: see `Worker`.
    """
    folders = walls.readable()
    walls.close_files(folders)
    walls.become(job["user"])
    walls.limit_all(job["hard"], job["user"])
    sys.argv = ["submission"]
    worker = Worker(os.fdopen(requests, "rb"), os.fdopen(replies, "wb"), probes)
    walls.refuse_events(folders)
    worker.run(job["seconds"], job["hard"])
