"""What several architectures share: the checks of their arguments and the initial weights."""

from ganlib._tensorflow import keras


def normal(stddev=0.02):
    """The DCGAN initialiser: weights drawn from N(0, stddev²).

    Args:
        stddev: standard deviation of the weights.

    Returns:
        A fresh ``keras.initializers.RandomNormal``; Keras gives each one its own seed, so that
        two layers of one shape do not start equal.

    Reference:
        Radford, Metz and Chintala, ICLR 2016, section 4.
    """
    return keras.initializers.RandomNormal(stddev=stddev)


def require_positive(**sizes):
    """Refuses sizes that are no positive integers.

    Args:
        **sizes: the values to check, by the names under which the caller received them.

    Raises:
        ValueError: naming the first size that is not a positive integer.
    """
    for name, value in sizes.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"{name} must be a positive integer, but is {value!r}. "
                f"Pass for instance {name}={64 if name != 'channels' else 1}."
            )
