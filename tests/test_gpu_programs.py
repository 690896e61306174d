"""The block that a GPU would be given compiles for two kinds of GPU, without one.

XLA compiles for a device that is described to it. JAX brings such an XLA: put the Python of an
environment with `jax`, its CUDA plugin and `nvidia-cuda-nvcc` into the variable JAX_PYTHON.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganlib import augment, penalties, training
from ganlib._tensorflow import devices, keras, tf
from ganlib.models import dcgan
from tests import compile_for_gpu

SCRIPT = Path(compile_for_gpu.__file__)
HOST = re.compile(r"host|callback|infeed|outfeed|send|recv", re.IGNORECASE)


def jax_python():
    """The Python that has JAX with its plugin for CUDA, or None."""
    if python := os.environ.get("JAX_PYTHON"):
        return python
    names = ("jax_cuda13_plugin", "jax_cuda12_plugin")
    return sys.executable if any(map(importlib.util.find_spec, names)) else None


@pytest.fixture(scope="module")
def program():
    """A block of lab 7's kind, with lazy R1 and all of DiffAugment, as a GPU is given it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "gpus", lambda: ["/device:GPU:0"])
        keras.utils.set_random_seed(0)
        gan = training.GAN(
            dcgan.generator(28, 1, 8, width=8, num_residuals=1),
            dcgan.discriminator(28, 1, width=8),
            penalties=[training.Penalty(penalties.r1, 1.0, interval=4)],
            options=training.Options(
                batch_size=8, steps_per_call=4, augment=augment.DiffAugment(), jit_compile=True
            ),
        )
        images = np.zeros((20, 28, 28, 1), np.uint8)
        feed = training.Feed(images, np.full(20, -1, np.int32), gan.options)
        compiled = gan._block._compiled_for(feed.dtype)
        arguments = (*feed.block(0, 3), tf.constant(0, tf.int64), tf.constant(3))
        return compiled.experimental_get_compiler_ir(*arguments)(stage="stablehlo")


def test_what_a_gpu_is_given_never_asks_the_host(program):
    called = set(re.findall(r"custom_call @(\w+)", program))
    assert not [name for name in called if HOST.search(name)], called
    assert "stablehlo.convolution" in program
    assert program.count("stablehlo.while") >= 1


def test_it_holds_kerass_convolutions_in_place_of_those_for_a_cpu(program):
    """The narrow layers' sums of shifted products are for CPUs: there 28 × 28 × 9 are padded."""
    assert not re.search(r"stablehlo\.pad[^\n]*tensor<3x3x1x\d+x28x28", program)


@pytest.mark.skipif(jax_python() is None, reason="JAX with its CUDA plugin is not installed")
@pytest.mark.parametrize("kind", list(compile_for_gpu.KINDS))
def test_it_compiles_for_a_gpu_that_is_not_here(program, kind, tmp_path):
    (tmp_path / "block.mlir").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [jax_python(), str(SCRIPT), str(tmp_path / "block.mlir"), kind],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["fusions"] > 20
    assert any("conv" in name for name in found["calls"])
    assert not [name for name in found["calls"] if HOST.search(name)]
