"""Several devices, several processes, half precision: the same run as on one device.

TensorFlow makes its devices once in a process, so each test runs a script in a process of its own.
"""

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 1800  # seconds after which a test's processes are ended, so that nothing hangs

COMMON = """
    import contextlib, json, os, sys
    import numpy as np
    from ganlib._tensorflow import keras, tf
    from ganlib import penalties, training
    from ganlib.models import dcgan, mlp

    POINTS = np.random.default_rng(0).normal(2.0, 0.5, (90, 2)).astype(np.float32)

    # With a large epsilon Adam's step is not the same for a gradient twice as large.
    CAREFUL = {"learning_rate": 5e-3, "beta_1": 0.5, "epsilon": 0.1}
    USUAL = {"learning_rate": 8e-4, "beta_1": 0.0, "beta_2": 0.99}

    def make(strategy, penalty_weight=0.5, adam=CAREFUL, measure=None):
        keras.utils.set_random_seed(0)
        with strategy.scope() if strategy else contextlib.nullcontext():
            pair = mlp.generator(None, 2, 3, width=16), mlp.discriminator(None, 2, width=16)
            optimizers = [keras.optimizers.Adam(**adam) for _ in range(2)]
        return training.GAN(
            *pair,
            penalties=[training.Penalty(penalties.r1, penalty_weight, interval=4)],
            generator_optimizer=optimizers[0],
            discriminator_optimizer=optimizers[1],
            options=training.Options(
                batch_size=8,
                steps_per_call=5,
                num_discriminator_steps=2,
                strategy=strategy,
                measure=measure,
            ),
        )

    def values(gan):
        models = (gan.generator, gan.ema_generator, gan.discriminator)
        return [np.asarray(v) for model in models for v in model.variables]

    def difference(a, b):
        return max(float(abs(x - y).max()) for x, y in zip(values(a), values(b), strict=True))
"""


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2", **more}


@pytest.fixture
def start():
    """A function that starts a script; what still runs at the test's end is ended."""
    processes = []

    def start(script, *arguments, **more):
        code = textwrap.dedent(COMMON) + textwrap.dedent(script)
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code, *map(str, arguments)],
                env=environment(**more),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return processes[-1]

    def end():
        for process in processes:
            process.kill()

    watch = threading.Timer(LONGEST, end)
    watch.start()
    yield start
    watch.cancel()
    end()
    for process in processes:
        process.communicate()


def result(process):
    """What the script printed last, as JSON."""
    out, err = process.communicate()
    assert process.returncode == 0, err[-3000:]
    return json.loads(out.strip().splitlines()[-1])


def test_two_devices_equal_one_and_resume_exactly(start, tmp_path):
    script = """
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        one, two, start, resumed = make(None), *(make(strategy) for _ in range(3))
        for gan in (one, two):
            gan.train(POINTS, 20, progress=False)
        start.train(POINTS, 7, sys.argv[1], progress=False)
        resumed.train(POINTS, 20, sys.argv[1], progress=False)
        moved = make(None)  # a run may go on with another number of devices
        moved.restore(sys.argv[1])
        print(json.dumps({
            "difference": difference(one, two),
            "resumed": difference(two, resumed),
            "moved": difference(moved, resumed),
            "untrained": difference(one, make(None)),
            "losses": float(abs(
                one.history.discriminator_loss - two.history.discriminator_loss).max()),
        }))
    """
    found = result(start(script, tmp_path))
    assert found["difference"] < 1e-5 < found["untrained"]
    assert found["losses"] < 1e-5
    assert found["resumed"] == 0
    assert found["moved"] == 0


def test_measurements_are_drawn_for_each_device_and_resume_exactly(start, tmp_path):
    script = """
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

        def halve(images, seed):
            return 0.5 * images

        def hide(images, seed):
            return images * tf.cast(
                tf.random.stateless_uniform(tf.shape(images), seed) < 0.5, tf.float32)

        one, two = make(None, measure=halve), make(strategy, measure=halve)
        for gan in (one, two):
            gan.train(POINTS, 10, progress=False)
        whole, begun, resumed = (make(strategy, measure=hide) for _ in range(3))
        whole.train(POINTS, 10, progress=False)
        begun.train(POINTS, 4, sys.argv[1], progress=False)
        resumed.train(POINTS, 10, sys.argv[1], progress=False)
        ones = strategy.run(lambda: hide(
            tf.ones([64, 2]), whole.training_step._seed(3, 3 * 2**40)))
        masks = strategy.experimental_local_results(ones)
        print(json.dumps({
            "difference": difference(one, two),
            "resumed": difference(whole, resumed),
            "measured": difference(whole, two),
            "alike": float(np.mean(masks[0].numpy() == masks[1].numpy())),
        }))
    """
    found = result(start(script, tmp_path))
    assert found["difference"] < 1e-5 < found["measured"]
    assert found["resumed"] == 0
    assert 0.25 < found["alike"] < 0.75


def test_two_devices_in_half_precision_leave_out_the_same_updates(start):
    """A few far points make the gradient overflow on the device that has them, not on the other."""
    script = """
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        keras.mixed_precision.set_dtype_policy("mixed_float16")
        gan = make(strategy, penalty_weight=0.0)
        POINTS[::9] *= 100
        gan.train(POINTS, 40, progress=False)
        optimizer = gan.discriminator_optimizer
        lost = optimizer.initial_scale / np.asarray(optimizer.dynamic_scale)
        print(json.dumps({
            "halvings": float(np.log2(lost)),
            "updates": int(np.asarray(optimizer.iterations)),
            "apart": max(
                float(tf.reduce_max(abs(tf.subtract(*strategy.experimental_local_results(v.value)))))
                for v in gan.discriminator.variables
            ),
        }))
    """
    found = result(start(script))
    assert 1 <= found["halvings"] <= 15
    assert found["updates"] == 2 * 40 - found["halvings"]
    assert found["apart"] == 0


def test_where_tensorflow_takes_its_devices_for_gpus_the_default_options_train(start):
    """GPUs take a path of their own, on which XLA cannot compile an optimizer's step."""
    script = """
        from tensorflow.python.distribute import mirrored_run, mirrored_strategy
        mirrored_run._is_gpu_device = mirrored_strategy._is_gpu_device = lambda device: True
        from ganlib._tensorflow import devices
        from ganlib.training import _block
        devices.xla_is_for, _block._SMALL = lambda: True, 0
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        one, two = make(None), make(strategy)
        used = [_block.uses_xla(gan.options, gan.training_step.networks) for gan in (one, two)]
        for gan in (one, two):
            gan.train(POINTS, 20, progress=False)
        (compiled,) = two._block._compiled.values()
        labels = np.full(90, -1, np.int32)
        images, labels, _ = training.Feed(POINTS, labels, two.options).block(0, 1)
        print(json.dumps({
            "used": used,
            "difference": difference(one, two),
            "untrained": difference(one, make(None)),
            "traces": compiled.experimental_get_tracing_count(),
            "places": [
                [part.device.split("/")[-1] for part in strategy.experimental_local_results(value)]
                for value in (images, labels)
            ],
        }))
    """
    found = result(start(script))
    assert found["used"] == [True, False]  # on one device the default is XLA
    assert found["difference"] < 1e-5 < found["untrained"]
    assert found["traces"] == 1
    # The data lie on each device, not on the first for all.
    assert found["places"] == [["device:CPU:0", "device:CPU:1"]] * 2


def test_an_uneven_batch_is_refused(start):
    script = """
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        try:
            training.Options(batch_size=9, strategy=strategy)
        except ValueError as error:
            print(json.dumps(str(error)))
    """
    assert "received batch_size=9; expected a multiple of 2" in result(start(script))


def test_what_was_made_outside_of_the_scope_is_refused(start):
    script = """
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            pair = mlp.generator(None, 2, 3, width=4), mlp.discriminator(None, 2, width=4)
        outside = mlp.generator(None, 2, 3, width=4), keras.optimizers.Adam(1e-3)
        options, messages = training.Options(batch_size=8, strategy=strategy), []
        for networks, optimizer in (((outside[0], pair[1]), None), (pair, outside[1])):
            try:
                training.GAN(*networks, discriminator_optimizer=optimizer, options=options)
            except ValueError as error:
                messages.append(str(error))
        print(json.dumps(messages))
    """
    first, second = result(start(script))
    assert first.startswith("received a generator made outside of the strategy's scope")
    assert second.startswith("received a discriminator_optimizer made outside")
    assert "with strategy.scope()" in first


def two_ports():
    sockets = [socket.socket() for _ in range(2)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


WORKER = """
    import pathlib, time
    communication = tf.distribute.experimental.CommunicationImplementation.RING
    strategy = tf.distribute.MultiWorkerMirroredStrategy(
        communication_options=tf.distribute.experimental.CommunicationOptions(
            implementation=communication
        )
    )
    gan = make(strategy)
    directory, num_steps = sys.argv[1], int(sys.argv[2])
    def tell(gan, step):
        print("step", step, flush=True)
    gan.train(POINTS, num_steps, directory, checkpoint_every=5, progress=False, callbacks=[tell])
    one = make(None)
    one.train(POINTS, num_steps, progress=False)
    found = {"workers": strategy.num_replicas_in_sync, "difference": difference(gan, one)}
"""
RESUME = """
    elsewhere = pathlib.Path(directory) / "stopped"
    first, second = make(strategy), make(strategy)
    first.train(POINTS, 7, elsewhere, progress=False)
    while not (elsewhere / "step-000000007.npz").exists():  # one process writes, both read
        time.sleep(0.1)
    second.train(POINTS, num_steps, elsewhere, progress=False)
    found |= {"resumed": difference(gan, second), "untrained": difference(one, make(None))}
"""
TELL = """
    print(json.dumps(found))
"""


def start_workers(start, script, directory, num_steps):
    workers = [f"127.0.0.1:{port}" for port in two_ports()]
    configs = [
        json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}})
        for i in range(2)
    ]
    return [start(script, directory, num_steps, TF_CONFIG=config) for config in configs]


@pytest.mark.slow
def test_two_workers_equal_one_device_and_resume_exactly(start, tmp_path):
    for process in start_workers(start, WORKER + RESUME + TELL, tmp_path, 20):
        found = result(process)
        assert found["workers"] == 2
        assert found["difference"] < 1e-5 < found["untrained"]
        assert found["resumed"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_worker_ends_the_run_with_a_checkpoint_that_resumes(start, killed, tmp_path):
    """The first worker writes the checkpoints; killed at step 10 it may not have written that."""
    workers = start_workers(start, WORKER, tmp_path, 100_000)
    while "step 10\n" not in workers[killed].stdout.readline():
        assert workers[killed].poll() is None
    workers[killed].kill()
    survivor = workers[1 - killed]
    _, err = survivor.communicate()  # or `start` ends it
    assert survivor.returncode != 0
    assert "another worker of this run could not be reached" in err
    assert "go on from its newest checkpoint" in err
    last = max(int(path.stem.removeprefix("step-")) for path in tmp_path.glob("step-*.npz"))
    assert last >= (5 if killed == 0 else 10)
    for process in start_workers(start, WORKER + TELL, tmp_path, last + 5):
        assert result(process)["difference"] < 1e-5


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_trains_with_a_loss_scale_where_it_needs_one_and_resumes(
    policy, start, tmp_path
):
    script = """
        def half():
            keras.mixed_precision.set_dtype_policy(sys.argv[2])
            gan = make(None, penalty_weight=0.1, adam=USUAL)
            keras.mixed_precision.set_dtype_policy("float32")
            return gan
        whole, start, resumed, full = half(), half(), half(), make(None, 0.1, USUAL)
        whole.train(POINTS, 20, progress=False)
        start.train(POINTS, 7, sys.argv[1], progress=False)
        resumed.train(POINTS, 20, sys.argv[1], progress=False)
        full.train(POINTS, 20, progress=False)
        print(json.dumps({
            "optimizer": type(whole.generator_optimizer).__name__,
            "resumed": difference(whole, resumed),
            "loss": float(abs(
                whole.history.discriminator_loss[0] - full.history.discriminator_loss[0])),
            "identical": difference(whole, full) == 0,
        }))
    """
    found = result(start(script, tmp_path, policy))
    expected = "LossScaleOptimizer" if policy == "mixed_float16" else "Adam"
    assert found["optimizer"] == expected
    assert found["resumed"] == 0
    # The loss scale begins too high: the first updates are left out, so the run lags a little.
    # The loss falls by more than 1 from the first entry of the history to the second.
    assert found["loss"] < 0.2
    assert not found["identical"]


def test_half_precision_leaves_out_the_steps_that_overflow_and_goes_on(start):
    script = """
        def optimizer():
            adam = keras.optimizers.Adam(8e-4, beta_1=0.0, beta_2=0.99)
            return keras.optimizers.LossScaleOptimizer(adam, initial_scale=2.0**40)
        keras.mixed_precision.set_dtype_policy("mixed_float16")
        gan = training.GAN(
            mlp.generator(None, 2, 3, width=16), mlp.discriminator(None, 2, width=16),
            generator_optimizer=optimizer(), discriminator_optimizer=optimizer(),
        )
        history = gan.train(POINTS, 100, progress=False)
        optimizers = gan.generator_optimizer, gan.discriminator_optimizer
        print(json.dumps({
            "halvings": [40 - float(np.log2(np.asarray(o.dynamic_scale))) for o in optimizers],
            "updates": [int(np.asarray(o.iterations)) for o in optimizers],
            "norm": float(history.generator_gradient_norm[-1]),
        }))
    """
    found = result(start(script))
    # Each overflow halves the scale and leaves out one update; a scale of 2^40 must overflow, as
    # the largest half-precision number is below 2^16.
    for halvings, updates in zip(found["halvings"], found["updates"], strict=True):
        assert halvings >= 8
        assert updates == 100 - halvings
    assert 0 < found["norm"] < 100
