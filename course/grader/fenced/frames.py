"""Messages between the judge and a student's process: JSON and arrays, and never a pickle.

A frame is 8 bytes (the lengths of the head and of the body, big-endian), a head in JSON whose entry
``arrays`` lists types and shapes, and the arrays' bytes one after the other. The judge reads what a
student's code may have forged, so each number is checked before it is used.
"""

import json
import math
import struct

import numpy as np

PREFIX = struct.Struct(">II")
MAX_HEAD = 1 << 16
MAX_BODY = 64 << 20
KINDS = "biuf"  # truth values, integers and floats


class BrokenFrameError(Exception):
    """A frame that this module's `pack` cannot have made."""


def pack(message, arrays=()):
    """Makes a frame.

    Args:
        message: a dict for JSON.
        arrays: arrays of numbers.

    Returns:
        bytes.
    """
    arrays = [np.asarray(array) for array in arrays]
    listed = [[array.dtype.str, array.shape] for array in arrays]
    head = json.dumps({**message, "arrays": listed}).encode()
    body = b"".join(array.tobytes() for array in arrays)
    return PREFIX.pack(len(head), len(body)) + head + body


def encode(values):
    """Parts a function's arguments into what JSON takes and arrays.

    Args:
        values: arrays, numbers, strings, truth values.

    Returns:
        (list for JSON, list of arrays).
    """
    listed, arrays = [], []
    for value in values:
        if isinstance(value, np.ndarray):
            listed.append({"array": len(arrays)})
            arrays.append(value)
        else:
            listed.append({"value": value.item() if isinstance(value, np.generic) else value})
    return listed, arrays


def decode(listed, arrays):
    """Puts a function's arguments together again.

    Args:
        listed: what `encode` made of them for JSON.
        arrays: the arrays that it made.

    Returns:
        A list; its arrays are copies, which the function may change.
    """
    return [
        np.array(arrays[item["array"]]) if "array" in item else item["value"] for item in listed
    ]


def lengths(prefix):
    """Reads the first `PREFIX.size` bytes.

    Args:
        prefix: bytes.

    Returns:
        The lengths of the head and of the body; the caller compares them with its limits.
    """
    return PREFIX.unpack(prefix)


def unpack(head, body):
    """Reads a frame.

    Args:
        head: its head, bytes.
        body: its body, bytes.

    Returns:
        The message and the list of arrays, which are read-only.

    Raises:
        BrokenFrameError: if the two are not what `pack` makes.
    """
    try:
        message = json.loads(head)
        arrays, offset = [], 0
        for name, shape in message.pop("arrays"):
            kind = np.dtype(name)
            if kind.kind not in KINDS or min(shape, default=0) < 0 or len(shape) > 8:
                raise BrokenFrameError
            count = math.prod(shape)
            flat = np.frombuffer(body, kind, count, offset) if count else np.empty(0, kind)
            arrays.append(flat.reshape(shape))
            offset += count * kind.itemsize
        if offset != len(body):
            raise BrokenFrameError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BrokenFrameError from error
    return message, arrays
