"""Random numbers made of random bits, the same wherever they are made.

From one seed TensorFlow's Philox gives the same *bits* with XLA and without, on a CPU and on a GPU.
The floats that ``tf.random.stateless_normal`` makes of them are others under XLA. So they are made
here: a seed then means one run, to rounding, however it is compiled.
"""

import math
from collections.abc import Sequence

from ganlib._tensorflow import tf


def bits(shape: Sequence[int] | tf.Tensor, seed: Sequence[int] | tf.Tensor) -> tf.Tensor:
    """Random bits.

    Args:
        shape: a list of ints, or an int32 tensor.
        seed: two integers that decide all of them.

    Returns:
        uint32 tensor of that shape.

    Reference:
        Salmon, Moraes, Dror and Shaw, *Parallel Random Numbers: As Easy as 1, 2, 3*, SC 2011.
    """
    return tf.random.stateless_uniform(shape, seed, None, None, tf.uint32, alg="philox")


def uniform(
    shape: Sequence[int] | tf.Tensor,
    seed: Sequence[int] | tf.Tensor,
    dtype: tf.DType = tf.float32,
) -> tf.Tensor:
    """Uniform numbers, multiples of 2⁻²⁴.

    Args:
        shape: a list of ints, or an int32 tensor.
        seed: two integers that decide all of them.
        dtype: a float type.

    Returns:
        Tensor of that shape in [0, 1); in a type of 16 bits the largest are rounded to 1.
    """
    return tf.cast(_of_bits(bits(shape, seed)), dtype)


def normal(
    shape: Sequence[int] | tf.Tensor,
    seed: Sequence[int] | tf.Tensor,
    dtype: tf.DType = tf.float32,
) -> tf.Tensor:
    """Normal numbers with mean 0 and variance 1, each of two uniform ones.

    Args:
        shape: a list of ints, or an int32 tensor.
        seed: two integers that decide all of them.
        dtype: a float type.

    Returns:
        Tensor of that shape, finite: at most √(48 log 2) = 5.77 in absolute value.

    Reference:
        Box and Muller, *A Note on the Generation of Random Normal Deviates*, Annals of Mathematical
        Statistics, 1958.
    """
    # The pair comes last, so that a longer draw begins with the numbers of a shorter one.
    pairs = [*shape, 2] if isinstance(shape, list | tuple) else tf.concat([shape, [2]], 0)
    return tf.cast(_box_muller(*tf.unstack(bits(pairs, seed), axis=-1)), dtype)


def _of_bits(words):
    """The upper 24 bits as a float in [0, 1): exactly so many fit into a float32."""
    return tf.cast(tf.bitwise.right_shift(words, 8), tf.float32) * 2.0**-24


def _box_muller(first, second):
    """A normal number of each pair of words. The logarithm's argument is at least 2⁻²⁴."""
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - _of_bits(first)))
    return radius * tf.cos(2.0 * math.pi * _of_bits(second))
