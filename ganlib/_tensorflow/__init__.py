"""The one place where TensorFlow is loaded, so that its start-up lines stay out of notebooks.

Beside it stand what it computes on (`devices`) and what is drawn by it (`draws`).

TensorFlow writes to the file descriptor, below Python's ``sys.stderr``, before its own log level is
in force. So the descriptor itself is turned away while TensorFlow loads.
"""

import contextlib
import os
import sys

# Hides errors as well: those that matter are raised as exceptions too.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextlib.contextmanager
def _quiet_descriptor(descriptor=2):
    """Sends what is written to a file descriptor to the null device."""
    if sys.stderr is not None:  # as it is where Python finds no such descriptor
        sys.stderr.flush()
    try:
        saved = os.dup(descriptor)
    except OSError:  # no such descriptor: nothing can be written to it
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    try:
        yield
    finally:
        os.dup2(saved, descriptor)
        os.close(saved)
        os.close(null)


def announce_xla():
    """Lets XLA compile something small first: TensorFlow tells of the first time in a process."""
    with _quiet_descriptor():
        tf.function(lambda x: x + 1.0, jit_compile=True, autograph=False)(tf.constant(0.0))


@contextlib.contextmanager
def float32():
    """Layers that are made inside are float32 with channels last, whatever Keras's settings are.

    For networks of which that is promised: an extractor must not measure otherwise because of what
    is trained beside it. The global settings come back at the end.
    """
    policy, float_type = keras.config.dtype_policy(), keras.config.floatx()
    image_format = keras.config.image_data_format()
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_floatx(float_type)
        keras.config.set_image_data_format(image_format)
        keras.config.set_dtype_policy(policy)


try:
    with _quiet_descriptor():
        import tensorflow as tf  # first: without it Keras would stay half imported

        import keras  # isort: skip

        # Looks for CUDA, and says so where there is none; `devices` says it in words of its own.
        tf.config.list_physical_devices()
except ModuleNotFoundError as error:
    if error.name not in ("keras", "tensorflow"):
        raise
    raise ModuleNotFoundError(
        f"this part of ganlib needs TensorFlow and Keras, but {error.name} is not installed. "
        'Install them by: pip install "ganlib[tensorflow]"',
        name=error.name,
    ) from error

# Grappler's dependency optimiser may drop the edge that orders a read of a variable after the
# optimizer's write. On several threads the two then race, rarely, and equal runs end differently.
# The remapper fails on second derivatives of LeakyReLU, and TensorFlow 2.20 says so on standard
# error, whatever the log level is. Without it the results are the same to the bit, as are times.
tf.config.optimizer.set_experimental_options({"dependency_optimization": False, "remapping": False})

# Every GAN and every classifier compiles its own step, on purpose. TensorFlow counts the functions
# of one name together and takes a handful of them for one that is compiled again and again.
tf.get_logger().addFilter(lambda record: "tf.function retracing" not in record.getMessage())

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"ganlib runs on Keras with the TensorFlow backend, but Keras was loaded with "
        f"{keras.backend.backend()!r}. Set the environment variable KERAS_BACKEND=tensorflow "
        f"before Keras is first imported (in a notebook: restart the kernel)."
    )

__all__ = ["announce_xla", "float32", "keras", "tf"]
