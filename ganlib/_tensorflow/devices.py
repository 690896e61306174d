"""What TensorFlow computes on, for all that decide something by it."""

import functools
import os
import pathlib
import platform
import shutil
import subprocess
import warnings

from ganlib._tensorflow import tf


def gpus() -> list[str]:
    """The GPUs that this process computes on; those that were hidden from it do not count.

    TensorFlow sets its devices up when it is first asked, and takes no settings of them afterwards.

    Returns:
        list of names, such as "/device:GPU:0".
    """
    return [device.name for device in tf.config.list_logical_devices("GPU")]


def xla_is_for() -> bool:
    """Whether XLA compiles for what this process computes on, and is faster there: on a GPU.

    Returns:
        bool; no for Apple's GPUs, which TensorFlow reaches by a plugin without XLA.
    """
    return bool(gpus()) and platform.system() != "Darwin"


def description() -> str:
    """The devices in words.

    Returns:
        str, such as "2 × NVIDIA L4" or "CPU, 8 cores".
    """
    names = gpus()
    if not names:
        return f"CPU, {os.cpu_count()} cores"
    first = tf.config.list_physical_devices("GPU")[0]
    kind = tf.config.experimental.get_device_details(first).get("device_name", "GPU")
    return kind if len(names) == 1 else f"{len(names)} × {kind}"


def has_bfloat16() -> bool:
    """Whether what this process computes on multiplies bfloat16 numbers in hardware.

    Returns:
        bool: of GPUs, those of NVIDIA from compute capability 8.0 on; of processors, those whose
        flags Linux shows to name it.
    """
    if gpus():
        first = tf.config.list_physical_devices("GPU")[0]
        details = tf.config.experimental.get_device_details(first)
        return details.get("compute_capability", (0, 0)) >= (8, 0)
    try:
        flags = set(pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:  # another system than Linux
        return False
    return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"})


def warn_of_idle_gpu() -> None:
    """Warns where there is a card of NVIDIA's that TensorFlow cannot use, as it says so nowhere."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1")
    if hidden or tf.config.list_physical_devices("GPU"):  # hidden in TensorFlow counts as wanted
        return
    if (card := _card()) is None:
        return
    fix = (
        "In Windows itself TensorFlow uses no GPU: install it in WSL2"
        if platform.system() == "Windows"
        else 'Install the libraries with TensorFlow, by pip install "ganlib[gpu]", and start anew'
    )
    warnings.warn(
        f"received no GPU from TensorFlow, so this runs on the CPU; expected {card}, which the "
        f"driver knows. {fix}; to stay on the CPU, set the environment variable "
        "CUDA_VISIBLE_DEVICES=-1.",
        stacklevel=3,
    )


@functools.cache
def _card(driver="/proc/driver/nvidia/gpus"):
    """What NVIDIA's driver says that there is, or None; the tool may be there without a card."""
    tool = shutil.which("nvidia-smi")
    with_driver = pathlib.Path(driver).is_dir() and any(pathlib.Path(driver).iterdir())
    if tool is not None:
        try:
            listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            listed = None
        if listed is not None and listed.returncode == 0 and listed.stdout.startswith("GPU"):
            return listed.stdout.splitlines()[0].split(" (UUID")[0]
    return "a GPU of NVIDIA's" if with_driver else None
