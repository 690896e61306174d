"""Settings as a checkpoint holds them, and where those of two runs differ.

What is compared is what somebody chose. From one version to the next Keras adds settings to its
layers and optimizers; one that only one of two runs has, and has at its default, was not chosen.
"""

import re

import numpy as np

# Beside the settings of a layer or an optimizer: the names of those that stand at their default.
AT_DEFAULT = "at default"
# What Keras writes beside the settings. Of a layer's seed, the state is restored.
_NOT_CHOSEN = {AT_DEFAULT, "name", "seed", "module", "registered_name", "build_config"}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_NUMPY_SCALAR = re.compile(r"\bnp\.(?:u?int|float|bool|str)\w*\(([^()]*)\)")


def plain(value):
    """A value as JSON holds it, and as it looks in another process.

    Args:
        value: numbers and arrays of NumPy, tensors, containers, or an object, of which its words
            are taken without memory addresses.

    Returns:
        Python's numbers, str, bool, None, lists, and dicts with str keys.
    """
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    words = value if isinstance(value, str) else repr(value)
    return _NUMPY_SCALAR.sub(r"\1", _ADDRESS.sub("", words))


def first_difference(was, now):
    """Where two settings differ first.

    Args:
        was: what a checkpoint holds, as `plain` gives it.
        now: what is to be compared.

    Returns:
        ``(path, was, now)``, the names on the way to the two values; None if nothing that matters
        differs.
    """
    if isinstance(was, dict) and isinstance(now, dict):
        return _in_dicts(was, now)
    if isinstance(was, list) and isinstance(now, list):
        return _in_layers(was, now) if _are_layers(was, now) else _in_lists(was, now)
    return None if _alike(was, now) else ([], was, now)


def _in_dicts(was, now):
    ignored = _NOT_CHOSEN if AT_DEFAULT in now else ()
    for key in sorted((was.keys() | now.keys()) - set(ignored)):
        if key in was and key in now:
            found = first_difference(was[key], now[key])
        elif _counts(key, was, now):
            found = ([], was.get(key), now.get(key))
        else:
            found = None
        if found:
            return ([key, *found[0]], *found[1:])
    return None


def _counts(key, was, now):
    """Whether a setting that only one side has was chosen there."""
    if AT_DEFAULT not in now:
        return True
    if key in was:  # earlier checkpoints do not say what stood at its default
        return AT_DEFAULT in was and key not in was[AT_DEFAULT]
    left_out = AT_DEFAULT not in was and now[key] is None  # as earlier ones did with None
    return key not in now[AT_DEFAULT] and not left_out


def _are_layers(was, now):
    """Whether both are a layer's class, settings and shapes, and the class is the same."""
    pair = (was, now)
    are = all(isinstance(x, list) and len(x) == 3 and isinstance(x[1], dict) for x in pair)
    return are and was[0] == now[0]


def _in_layers(was, now):
    (name, old, old_shapes), (_, new, new_shapes) = was, now
    found = first_difference(old, new)
    if found:
        return ([name, *found[0]], *found[1:])
    return None if old_shapes == new_shapes else ([name, "shapes"], old_shapes, new_shapes)


def _in_lists(was, now):
    for index in range(max(len(was), len(now))):
        old, new = was[index : index + 1], now[index : index + 1]
        found = first_difference(old[0], new[0]) if old and new else ([], None, None)
        if not found:
            continue
        if old and new and _are_layers(old[0], new[0]):
            return ([f"entry {index}", *found[0]], *found[1:])
        return ([f"entry {index}"], old or None, new or None)
    return None


def _alike(was, now):
    """Whether two values are equal; of fractions, the digits that float32 can hold count."""
    if was == now:
        return True
    if isinstance(was, str) and isinstance(now, str):
        return _is_script(was, now) or _is_script(now, was)
    if isinstance(was, str) and isinstance(now, int | float):
        return was == str(now)  # earlier checkpoints wrote NumPy's numbers as words
    if not all(isinstance(value, int | float) for value in (was, now)):
        return False
    return isinstance(was + now, float) and np.float32(was) == np.float32(now)


def _is_script(name, other):
    """Whether a name in a module that was run is that of another where it was imported."""
    if "__main__" not in name:
        return False
    return bool(re.fullmatch(re.escape(name).replace("__main__", r"[\w.]+"), other))
