"""What the metrics share: checks of arrays of features, and blocks of their rows."""

import numpy as np

# Elements of a temporary float64 block. Blocks of 8 MiB were fastest on a CPU.
BLOCK_ELEMENTS = 2**20

# Sums of sixth powers (the kernel distance) stay below the largest float64, squares above the
# smallest one. All of float32 lies between.
_LARGEST, _SMALLEST = 1e45, 1e-100


def checked_pair(a, b, names=("real_features", "fake_features")) -> tuple:
    """Return both as arrays (n, d) and (m, d), or say what is wrong with them."""
    a, b = checked(a, names[0]), checked(b, names[1])
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"received {names[0]} with {a.shape[1]} features a row and {names[1]} with "
            f"{b.shape[1]}; expected equal numbers. Take both from the same extractor."
        )
    return a, b


def checked(features, name: str) -> np.ndarray:
    """Return an array (n, d) of finite numbers with at least 2 rows, or say what is wrong."""
    features = np.asarray(features)
    got = f"{name} of shape {features.shape} and dtype {features.dtype}"
    if features.ndim != 2:
        hint = "Reshape it to one row an image"
        if features.ndim == 4:
            hint = "These look like images: pass them through an extractor of ganlib.features first"
        raise ValueError(f"received {got}; expected a 2-D array (images, features). {hint}.")
    if features.dtype.kind not in "fiu":
        raise ValueError(
            f"received {got}; expected real numbers. Convert it with .astype('float32')."
        )
    if len(features) < 2 or features.shape[1] < 1:
        raise ValueError(
            f"received {got}; expected at least 2 rows and 1 feature. Pass more images."
        )
    largest = 0.0
    for rows in blocks(*features.shape):
        bad = ~np.isfinite(features[rows]).all(axis=1)
        if bad.any():
            raise ValueError(
                f"received {name} with NaN or infinity, first in row "
                f"{rows.start + np.argmax(bad)}; expected finite numbers. Check that row's image "
                "and the extractor's input range."
            )
        largest = max(largest, float(features[rows].max()), -float(features[rows].min()))
    if largest > _LARGEST or 0 < largest < _SMALLEST:
        raise ValueError(
            f"received {name} whose largest magnitude is {largest:.3g}; expected one from "
            f"{_SMALLEST} to {_LARGEST}, the powers of which float64 can hold. Multiply all "
            "features by one number, and relative distances stay as they are."
        )
    return features


def blocks(num_rows: int, num_columns: int, min_rows: int = 1):
    """Yield slices of rows such that rows x columns stays within BLOCK_ELEMENTS."""
    step = max(min_rows, BLOCK_ELEMENTS // num_columns)
    for start in range(0, num_rows, step):
        yield slice(start, min(start + step, num_rows))
