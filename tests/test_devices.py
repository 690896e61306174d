"""What is told of the devices: which compute, when XLA is for them, and which lie idle."""

import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from ganlib import training
from ganlib._tensorflow import devices, tf
from ganlib.models import dcgan, mlp
from ganlib.training import _block

ROOT = Path(__file__).resolve().parents[1]


def gpus(number):
    return [SimpleNamespace(name=f"/device:GPU:{index}") for index in range(number)]


@pytest.fixture
def machine(monkeypatch):
    """A function that sets what TensorFlow lists: GPUs that it uses, and that there are."""

    def set_up(logical, physical=None):
        listed = {"GPU": gpus(logical)}
        monkeypatch.setattr(tf.config, "list_logical_devices", listed.__getitem__)
        found = {"GPU": gpus(logical if physical is None else physical)}
        monkeypatch.setattr(tf.config, "list_physical_devices", found.__getitem__)
        monkeypatch.setattr(
            tf.config.experimental, "get_device_details", lambda _: {"device_name": "NVIDIA L4"}
        )

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices.platform, "system", lambda: "Linux")
    devices._card.cache_clear()
    yield set_up
    devices._card.cache_clear()


# --- what computes -------------------------------------------------------------------------------


def test_devices_are_told_in_words(machine):
    machine(0)
    assert re.fullmatch(r"CPU, \d+ cores", devices.description())
    machine(1)
    assert devices.description() == "NVIDIA L4"
    machine(2)
    assert devices.description() == "2 × NVIDIA L4"


def test_a_gpu_that_was_hidden_from_tensorflow_does_not_count(machine):
    machine(logical=0, physical=1)
    assert devices.gpus() == []
    assert not devices.xla_is_for()
    assert devices.description().startswith("CPU")


def test_apples_gpus_have_no_xla(machine, monkeypatch):
    machine(1)
    assert devices.xla_is_for()
    monkeypatch.setattr(devices.platform, "system", lambda: "Darwin")
    assert not devices.xla_is_for()


def test_only_one_place_asks_tensorflow_for_gpus():
    """Whoever asked for himself would count hidden GPUs, or differ from the rest."""
    home = Path(devices.__file__)
    asked = re.compile(r"list_(physical|logical)_devices\(\s*[\"']GPU|is_gpu_available")
    folders = ("ganlib", "ganbook", "benchmarks", "tools")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert home in paths
    assert [p for p in paths if asked.search(p.read_text(encoding="utf-8"))] == [home]


# --- whether XLA compiles ------------------------------------------------------------------------


def small():
    return mlp.generator(None, 2, 4, width=128), mlp.discriminator(None, 2, width=128)


def large():
    return dcgan.generator(28, 1, 64, width=8), dcgan.discriminator(28, 1, width=8)


@pytest.mark.parametrize(
    ("pair", "number", "jit_compile", "expected"),
    [
        (large, 0, None, False),
        (large, 1, None, True),
        (large, 1, False, False),
        (large, 0, True, True),
        (small, 1, None, False),  # a toy is trained before it is compiled
        (small, 1, True, True),
    ],
)
def test_xla_compiles_large_networks_on_a_gpu(machine, pair, number, jit_compile, expected):
    machine(number)
    networks = training.Networks(*pair())
    assert _block.uses_xla(training.Options(jit_compile=jit_compile), networks) is expected


def test_the_widgets_toy_is_small():
    """Each touch of a control builds its GAN anew, so compiling must be cheap."""
    from ganbook.widgets import _trainer

    pair = mlp.generator(None, 2, latent_dim=_trainer._LATENT_DIM), mlp.discriminator(None, 2)
    assert sum(model.count_params() for model in pair) < _block._SMALL


def test_with_a_strategy_xla_is_off(machine):
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    machine(2)
    options = training.Options(strategy=strategy)
    assert not _block.uses_xla(options, training.Networks(*large()))
    with pytest.raises(ValueError, match="received jit_compile=True with a strategy; expected"):
        training.Options(strategy=strategy, jit_compile=True)


# --- a GPU that lies idle ------------------------------------------------------------------------

LISTED = "GPU 0: Tesla T4 (UUID: GPU-1)\n"


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """A function that puts an nvidia-smi into the path that says something and ends."""

    def put(text, status=0):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\nprintf '%s' '{text}'\nexit {status}\n", encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    monkeypatch.setenv("PATH", str(tmp_path))
    return put


def test_a_card_that_tensorflow_cannot_use_is_named_with_the_way_out(machine, tool):
    machine(0)
    tool(LISTED)
    with pytest.warns(UserWarning, match="expected GPU 0: Tesla T4, which the driver") as caught:
        devices.warn_of_idle_gpu()
    message = str(caught[0].message)
    assert "runs on the CPU" in message
    assert 'pip install "ganlib[gpu]"' in message
    assert "CUDA_VISIBLE_DEVICES=-1" in message
    assert "UUID" not in message


def test_in_windows_the_way_out_is_another(machine, tool, monkeypatch):
    machine(0)
    tool(LISTED)
    monkeypatch.setattr(devices.platform, "system", lambda: "Windows")
    with pytest.warns(UserWarning, match="install it in WSL2"):
        devices.warn_of_idle_gpu()


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_card_that_was_hidden_on_purpose_is_not_missed(machine, tool, monkeypatch, hidden):
    machine(0)
    tool(LISTED)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    devices.warn_of_idle_gpu()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    machine(0, physical=1)  # hidden by tf.config.set_visible_devices
    devices.warn_of_idle_gpu()


@pytest.mark.parametrize("text", ["NVIDIA-SMI has failed because it could not ask the driver", ""])
def test_a_tool_without_a_card_is_no_card(machine, tool, text, tmp_path):
    """As on Colab's machines without a GPU."""
    machine(0)
    tool(text, status=9)
    assert devices._card(tmp_path / "no driver") is None
    devices.warn_of_idle_gpu()


def test_a_driver_without_a_tool_is_a_card(machine, tool, tmp_path):
    driver = tmp_path / "gpus"
    driver.mkdir()
    assert devices._card(driver) is None
    devices._card.cache_clear()
    (driver / "0000:00:04.0").mkdir()
    assert devices._card(driver) == "a GPU of NVIDIA's"


def test_a_run_warns_before_its_first_step(machine, tool):
    machine(0)
    tool(LISTED)
    gan = training.GAN(*small(), options=training.Options(batch_size=4))
    points = [[0.0, 1.0]] * 8
    with pytest.warns(UserWarning, match="Tesla T4") as caught:
        gan.train(points, 1, progress=False)
    assert caught[0].filename == __file__
    machine(1)  # in use
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        devices.warn_of_idle_gpu()
