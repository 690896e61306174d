"""That no run is lost: other versions, odd files, changed callbacks, errors, closed terminals."""

import io
import json
import os
import signal
import sys
import threading
import zipfile

import numpy as np
import pytest
from tqdm import tqdm

from ganlib import callbacks, penalties, training
from ganlib._tensorflow import keras
from ganlib.models import mlp
from ganlib.training import _compare, _loop, _restore, _settings, checkpoints

POINTS = np.random.default_rng(1).normal(3.0, 0.5, (90, 2)).astype(np.float32)


def gan(weight_seed=0, penalties=(), rate=1e-3, **options):
    keras.utils.set_random_seed(weight_seed)
    return training.GAN(
        mlp.generator(None, 2, 3, width=2),
        mlp.discriminator(None, 2, width=2),
        penalties=penalties,
        generator_optimizer=keras.optimizers.Adam(rate),
        options=training.Options(**{"batch_size": 8, "steps_per_call": 5} | options),
    )


def train(one, num_steps, **arguments):
    return one.train(POINTS, num_steps, progress=False, **arguments)


def state(one):
    return [np.array(v) for variables in one._state().values() for v in variables]


def rewrite(directory, change):
    """Writes the only checkpoint of a folder anew, its arrays changed."""
    (path,) = checkpoints.steps(directory).values()
    with np.load(path) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(path, **arrays)


def refused_untouched(one, directory, message):
    before = state(one)
    with pytest.raises(ValueError, match=message):
        one.restore(directory)
    assert one.step == 0
    for old, new in zip(before, state(one), strict=True):
        np.testing.assert_array_equal(old, new)


# ---- another Keras, another ganlib, another process ------------------------------------------

# What ganlib 0.1.0 wrote under Keras 3.13.2, and what Keras 3.15.1 has beyond that.
WRITTEN = [
    "BatchNormalization",
    {"trainable": True, "axis": -1, "momentum": 0.99, "epsilon": 0.001, "center": True}
    | {"scale": True, "synchronized": False},
    [[4], [4], [4], [4]],
]
MORE = {"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99}


def entry(**settings):
    return _settings.layers(
        keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(**settings)])
    )[-1:]


def changed(entries, at_default=(), **settings):
    """A layer's entry as another Keras would write it: with more settings, or without some."""
    [[name, old, shapes]] = _compare.plain(entries)
    kept = {k: v for k, v in (old | settings).items() if v != "gone"}
    if _compare.AT_DEFAULT in kept:
        kept[_compare.AT_DEFAULT] = [*kept[_compare.AT_DEFAULT], *at_default]
    return [[name, kept, shapes]]


def test_a_checkpoint_of_an_older_keras_goes_on_unless_a_choice_differs():
    found = _compare.first_difference([WRITTEN], _compare.plain(entry()))
    assert found is None
    other = _compare.plain(entry(momentum=0.9))
    path, was, now = _compare.first_difference([WRITTEN], other)
    assert path == ["entry 0", "BatchNormalization", "momentum"]
    assert (was, now) == (0.99, 0.9)


@pytest.mark.parametrize(
    ("at_default", "value", "differs"),
    [(["new"], 7, False), ([], 7, True), ([], None, True)],
)
def test_a_setting_that_one_version_alone_has_counts_where_it_was_chosen(
    at_default, value, differs
):
    less, more = _compare.plain(entry()), changed(entry(), at_default, new=value)
    for was, now in ((less, more), (more, less)):
        assert (_compare.first_difference(was, now) is not None) == differs
    # A checkpoint of before does not say what was chosen; one that leaves out None means None.
    assert _compare.first_difference([[WRITTEN[0], WRITTEN[1] | MORE, WRITTEN[2]]], less) is None


def test_a_layer_may_be_given_numbers_of_numpy():
    first, second = (
        _compare.plain(_settings.layers(keras.Sequential([keras.Input((4,)), layer])))
        for layer in (keras.layers.LeakyReLU(np.float32(0.3)), keras.layers.LeakyReLU(0.3))
    )
    assert _compare.first_difference(first, second) is None
    assert first[-1][1]["negative_slope"] == pytest.approx(0.3)


def test_what_keras_and_a_layer_choose_by_themselves_is_no_choice():
    assert "momentum" in entry()[0][1][_compare.AT_DEFAULT]
    assert "momentum" not in entry(momentum=0.9)[0][1][_compare.AT_DEFAULT]
    first, second = (
        _compare.plain(_settings.layers(keras.Sequential([keras.Input((4,)), layer])))
        for layer in (keras.layers.GaussianNoise(0.1, seed=1), keras.layers.GaussianNoise(0.1))
    )
    assert _compare.first_difference(first, second) is None


def test_optimizers_of_another_kind_schedule_or_order_of_slots_are_told_apart():
    def settings(optimizer):
        optimizer.build([keras.Variable(np.zeros(2, np.float32))])
        optimizers = training.Optimizers(optimizer, keras.optimizers.SGD())
        return _settings.of_optimizers(optimizers)["generator_optimizer"]

    def path(first, second):
        found = _compare.first_difference(settings(first), settings(second))
        return found and found[0]

    adam, decay = keras.optimizers.Adam, keras.optimizers.schedules.ExponentialDecay
    assert path(adam(1e-3), adam(float(np.float32(1e-3)))) is None
    assert path(adam(), keras.optimizers.Adamax()) == ["kind"]
    assert path(adam(beta_1=0.9), adam(beta_1=0.5)) == ["beta_1"]
    paths = ["learning_rate", "config", "decay_rate"]
    assert path(adam(decay(1e-3, 9, 0.9)), adam(decay(1e-3, 9, 0.8))) == paths
    scaled = [keras.optimizers.LossScaleOptimizer(adam(beta_1=b)) for b in (0.9, 0.5)]
    assert path(*scaled) == ["inner_optimizer", "config", "beta_1"]
    swapped = settings(adam())
    swapped["slots"] = swapped["slots"][:2] + swapped["slots"][:1:-1]
    assert _compare.first_difference(swapped, settings(adam()))[0] == ["slots", "entry 2"]


def test_the_versions_that_differ_are_named():
    saved, now = (
        {"made_with": {"keras": k, "numpy": "2"}, "seed": s} for k, s in (("1", 0), ("3", 1))
    )
    with pytest.raises(ValueError, match=r"seed = 0 \(by keras 1, now 3\); expected seed = 1"):
        checkpoints.require_same_config(saved, now, "run")
    checkpoints.require_same_config(saved, now | {"seed": 0}, "run")
    assert saved["made_with"]["keras"] == "1"  # the caller's dicts stay as they were


def own(images, seed, probability):
    return images


class Own:
    def __call__(self, images, seed, probability):
        return images


@pytest.mark.parametrize(
    ("was", "now", "alike"),
    [
        (np.int64(7), 7, True),
        (7, np.int64(8), False),
        ("7", 7, True),  # as earlier checkpoints wrote np.int64(7)
        (np.float32(0.1), 0.1, True),
        (0.1, 0.1000002, False),
        (10, 10.0, True),
        (2**24, 2**24 + 1, False),
        (np.True_, True, True),
        ((3, 3), np.array([3, 3]), True),
        ([1], [1, 2], False),
        (None, 0, False),
        (own, "<function own at 0x7f0123456789>", True),
        (Own(), Own(), True),
        (Own(), own, False),
        ("__main__.mine", "train.steps.mine", True),
        ("train.mine", "__main__.mine", True),
        ("train.mine", "other.mine", False),
        ("__main__.mine", "train.yours", False),
        ("ADA(target=np.float64(0.6))", "ADA(target=0.6)", True),
        ({"a": {"b": 1}}, {"a": {}}, False),
    ],
)
def test_numbers_and_objects_are_alike_where_only_their_form_differs(was, now, alike, tmp_path):
    checkpoints.save(tmp_path, 1, {}, {"x": was}, {})
    saved = checkpoints.load_latest(tmp_path)[2]
    if alike:
        checkpoints.require_same_config(saved, {"x": now}, "run")
    else:
        with pytest.raises(ValueError, match="made with x"):
            checkpoints.require_same_config(saved, {"x": now}, "run")


def test_a_run_with_numbers_of_numpy_and_functions_of_ones_own_is_restored(tmp_path):
    def make(number, function):
        r1 = training.Penalty(penalties.r1, number(0.5), 3)
        return gan(penalties=[r1], augment=function)

    make(np.float32, Own()).save(tmp_path / "a")
    make(float, Own()).restore(tmp_path / "a")
    make(np.float64, own).save(tmp_path / "b")
    rewrite(  # as earlier checkpoints have it
        tmp_path / "b",
        lambda a: a.update(config=np.array(str(a["config"]).replace("own>", "own at 0x7f00>"))),
    )
    make(float, own).restore(tmp_path / "b")
    with pytest.raises(ValueError, match=r"augment = <function own>; expected augment = .*Own"):
        make(float, Own()).restore(tmp_path / "b")


def test_an_option_that_came_later_is_taken_to_have_been_at_its_default(tmp_path):
    gan().save(tmp_path)

    def forget(arrays):
        config = json.loads(str(arrays["config"]))
        del config["weight_clip"], config["made_with"]
        arrays["config"] = np.array(json.dumps(config))

    rewrite(tmp_path, forget)
    gan().restore(tmp_path)
    with pytest.raises(ValueError, match=r"weight_clip = None; expected weight_clip = 0\.5"):
        gan(weight_clip=0.5).restore(tmp_path)


def test_a_format_of_a_later_ganlib_is_refused_and_nothing_touched(tmp_path):
    gan(1).save(tmp_path)
    rewrite(tmp_path, lambda arrays: arrays.update(format=np.array(99)))
    refused_untouched(gan(), tmp_path, "format has the number 99; expected 1 at most")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("state/generator/00001"), r"7 arrays for the generator"),
        (lambda a: a.update({"state/generator/00000": np.zeros(3)}), r"\(3,\)"),
        (
            lambda a: a.update(
                {k: v.astype(np.float64) for k, v in a.items() if "generator/" in k}
            ),
            "float64.*float32",
        ),
        (lambda a: a.pop("history/step"), "expected one for the steps"),
        (lambda a: a.update({"history/diversity": np.zeros(3)}), "all of one length"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_touched(change, message, tmp_path):
    gan(1).save(tmp_path)
    rewrite(tmp_path, change)
    refused_untouched(gan(), tmp_path, message)


def test_a_history_with_other_statistics_goes_on(tmp_path):
    one = gan(1)
    one.history.append(**dict.fromkeys(vars(one.history), 1.0))
    one.save(tmp_path)
    rewrite(tmp_path, lambda a: a.update({"history/new": a.pop("history/diversity")}))
    other = gan()
    with pytest.warns(UserWarning, match="differs in diversity, new"):
        other.restore(tmp_path)
    assert np.isnan(other.history.diversity).tolist() == [True]
    assert other.history.generator_loss.tolist() == [1.0]
    assert (state(other)[0] == state(one)[0]).all()


def test_half_precision_of_the_other_kind_survives_a_file(tmp_path):
    """NumPy writes bfloat16 as bytes without a type."""
    variable = keras.Variable([1.5, -2.0], dtype="bfloat16")
    checkpoints.save(tmp_path, 1, {"w": [np.asarray(variable)]}, {}, {})
    arrays = checkpoints.load_latest(tmp_path)[1]["w"]
    [(_, value)] = _restore.fitted([variable], arrays, "w", tmp_path)
    assert value.astype(np.float32).tolist() == [1.5, -2.0]


# ---- the folder ------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["", "runs/a"])
def test_a_folder_that_cannot_be_written_is_noticed_before_the_first_step(below, tmp_path):
    path = tmp_path / "file"
    path.write_text("a file")
    one = gan()
    with pytest.raises(OSError, match=r"nothing can be written in .*Give another folder"):
        train(one, 5, directory=path / below)
    assert one.step == 0


def test_a_finished_run_may_lie_where_nothing_can_be_written(tmp_path, monkeypatch):
    one = gan()
    one.step = 5
    one.save(tmp_path)
    monkeypatch.setattr(training._files, "require_writable", None)
    assert train(gan(), 5, directory=tmp_path) is not None


def test_the_home_folder_is_meant_by_a_tilde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    one = gan()
    one.save("~/runs/a")
    one.restore("~/runs/a")
    one.save_generator("~/g.keras")
    training.load_generator("~/g.keras")
    assert list(checkpoints.steps("~/runs/a")) == [0]
    assert os.listdir(tmp_path) == ["home"]
    for made in (callbacks.Samples("~/s").directory, callbacks.CSVLog("~/log.csv").path):
        assert made.parent == tmp_path / "home"


# ---- callbacks -------------------------------------------------------------------------------


def test_an_error_in_a_callback_costs_no_step(tmp_path):
    errors = iter([ValueError, SystemExit, KeyboardInterrupt])
    one = gan()

    def fails(_, step):
        raise next(errors)("no")

    measure = callbacks.Measure(lambda g: g.step, every=5)
    for number, error in enumerate((ValueError, SystemExit, KeyboardInterrupt), 1):
        with pytest.raises(error):
            train(one, 100, directory=tmp_path, callbacks=[measure, fails])
        assert max(checkpoints.steps(tmp_path)) == 5 * number
    measured = callbacks.Measure(lambda g: g.step, every=5)
    whole, resumed = gan(), gan(9)
    train(resumed, 20, directory=tmp_path, callbacks=[measured])
    train(whole, 20)
    assert measured.values == [5, 10, 15, 20]
    for a, b in zip(state(whole), state(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kept", [{"best": 3}, None, "error"])
def test_a_state_that_cannot_be_kept_costs_the_callbacks_state_alone(kept, tmp_path):
    class Mine:
        def get_state(self):
            if kept == "error":
                raise RuntimeError("no state yet")
            return kept

        def set_state(self, state):
            pytest.fail("there is none")

    one = gan()
    one._callbacks = (Mine(), callbacks.Measure(len, every=5))
    with pytest.raises((ValueError, RuntimeError), match=r"array of numbers|no state yet"):
        one.save(tmp_path)
    _, kept_state, _, _ = checkpoints.load_latest(tmp_path)
    assert "callback1" in kept_state
    assert "callback0" not in kept_state


def measures(*functions, every=5):
    return [callbacks.Measure(function, every=every) for function in functions]


def stop(function, **settings):
    return callbacks.EarlyStop(function, **{"target": 0.5, "every": 5} | settings)


def distance(_):
    return 0.0


def recall(_):
    return 0.0


def seeded(seed):
    return lambda g: g.sample(1, seed=seed)


def both(one, other):
    return [lambda g: g.sample(other), lambda g: g.sample(one)]


class Named(callbacks.Measure):
    def __init__(self, name):
        super().__init__(distance)
        self.name = name


def taken_over(before, now):
    """The value that each callback has after a resume; those of before are numbered from 1."""
    for number, callback in enumerate(before, 1):
        callback.steps, callback.values = [5], [number]
    states, error = _restore.states_of([print, *before])
    assert error is None
    saved = json.loads(json.dumps(_restore.identities([print, *before])))
    _restore.set_states(now, states, saved, "run")
    return [callback.values[0] if callback.values else None for callback in now]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (measures(distance), measures(recall, distance), [None, 1]),
        (measures(distance, recall), measures(recall, distance), [2, 1]),
        (measures(lambda g: 1.0), measures(lambda g: 2.0, lambda g: 1.0), [None, 1]),
        (measures(lambda g: g.step), measures(lambda g: g.history, lambda g: g.step), [None, 1]),
        (measures(both(1, [2])[0]), measures(*reversed(both(1, [2]))), [None, 1]),
        (measures(seeded(1), seeded(2)), measures(seeded(2), seeded(1)), [2, 1]),
        (measures(distance), [stop(distance), *measures(distance)], [None, 1]),
        ([stop(distance)], [stop(distance, target=np.float64(0.5))], [1]),
        ([stop(distance)], [stop(distance, target=0.1, patience=3)], [1]),
        (measures(distance), measures(distance, every=7), [1]),
        (measures(distance), measures(distance, every=7) + measures(distance), [None, 1]),
        ([Named("a"), Named("b")], [Named("b"), Named("a")], [2, 1]),
        (measures(distance, distance), measures(distance, distance), [1, 2]),
    ],
)
def test_a_callback_takes_over_its_own_state(before, now, expected):
    assert taken_over(before, now) == expected


def test_the_state_of_a_callback_that_is_gone_is_left_out_with_a_warning():
    for now in (measures(recall), [Named("b")]):
        with pytest.warns(UserWarning, match="not there now.*distance"):
            assert taken_over(measures(distance), now) == [None]


def test_callbacks_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match=r"received 2 callbacks that are alike, .*distance"):
        taken_over(measures(distance), measures(distance, distance))


def test_in_checkpoints_of_before_the_order_of_callbacks_decides():
    before, states = measures(distance, recall), {}
    for number, _ in enumerate(before):
        states[f"callback{2 * number}"] = [np.array([[5.0], [number]])]
    now = measures(recall, distance)
    _restore.set_states([print, *now], states, {}, "run")
    assert [m.values for m in now] == [[0], [1]]
    with pytest.raises(ValueError, match="received 1 callbacks that are alike"):
        _restore.set_states(measures(distance), states, {}, "run")


def test_callbacks_go_on_after_restore_too(tmp_path):
    one = gan()
    train(one, 5, directory=tmp_path, callbacks=measures(distance))
    one.save(tmp_path)  # by hand: with the callbacks' states
    other, measure = gan(), callbacks.Measure(distance, every=5)
    other.restore(tmp_path)
    train(other, 5, directory=tmp_path, callbacks=[measure])
    assert measure.steps == [5]


# ---- learning rates --------------------------------------------------------------------------


def test_a_learning_rate_may_be_changed_between_calls_and_is_kept(tmp_path):
    one = gan()
    train(one, 5, directory=tmp_path)
    one.generator_optimizer.learning_rate = 1e-4
    train(one, 10, directory=tmp_path)
    train(one, 15, directory=tmp_path)
    resumed = gan()
    resumed.restore(tmp_path)
    assert np.isclose(resumed.generator_optimizer.learning_rate, 1e-4)
    resumed.generator_optimizer.learning_rate = 1e-5
    train(resumed, 20, directory=tmp_path)
    assert np.isclose(resumed.generator_optimizer.learning_rate, 1e-5)
    with pytest.raises(ValueError, match=r"generator_optimizer, learning_rate = 0\.001"):
        gan(rate=1e-4).restore(tmp_path)


# ---- signals and terminals -------------------------------------------------------------------


@pytest.mark.usefixtures("as_in_a_shell")
def test_a_second_ctrl_c_in_a_compiled_call_cuts_callbacks_short_and_the_run_is_saved(tmp_path):
    one, called = gan(), []
    original = one._train_block

    def interrupted(*arguments):
        original(*arguments)
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)

    one._train_block = interrupted
    with pytest.raises(KeyboardInterrupt, match="step 5, saved in"):
        train(one, 100, directory=tmp_path, callbacks=[lambda g, step: called.append(step)])
    assert (called, list(checkpoints.steps(tmp_path))) == ([], [5])


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
def test_a_signal_that_is_ignored_stays_ignored():
    """As nohup wants it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _loop.Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert interruption.requested is None
    finally:
        signal.signal(signal.SIGHUP, before)


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


def take_lock_of_tqdm():
    with tqdm.get_lock():
        pass


@pytest.mark.parametrize("terminal", [None, Gone(), "closed"])
def test_without_a_terminal_a_run_goes_on_and_ends_as_it_should(terminal, monkeypatch):
    if terminal == "closed":
        terminal = io.StringIO()
        terminal.close()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    history = training.History.empty()
    history.append(**dict.fromkeys(vars(history), 1.0))
    with _loop.Interruption() as interruption, _loop.Progress(10, 0, True) as bar:
        bar.show(5, history)
        bar.show(10, history)
        interruption.requested = signal.SIGTERM
        with pytest.raises(SystemExit) as ended:
            interruption.raise_if_requested(10, "run")
    assert ended.value.code == 128 + signal.SIGTERM
    other = threading.Thread(target=take_lock_of_tqdm, daemon=True)
    other.start()
    other.join(3)
    assert not other.is_alive()  # where tqdm had kept its lock, no other thread could show a bar


# ---- generators ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "generator.keras"
    gan().save_generator(path)
    return path.read_bytes()


def zipped(**contents):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n<!DOCTYPE html><html>404", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "Git LFS"),
        (b'{"error": "not found"}', "is JSON"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"weights", "is none at all"),
        (zipped(text="a"), "archive of something else"),
        (lambda whole: whole[: len(whole) // 2], "cut off"),
        (lambda whole: whole.replace(b"Functional", b"functional"), "damaged in config.json"),
    ],
)
def test_what_is_no_whole_keras_file_is_named(content, message, keras_file, tmp_path):
    path = tmp_path / "generator.keras"
    path.write_bytes(content(keras_file) if callable(content) else content)
    with pytest.raises(ValueError, match=rf"received .*generator\.keras, which .*{message}"):
        training.load_generator(path)


@pytest.mark.parametrize("newer", [True, False])
def test_a_file_of_a_newer_keras_says_so(newer, keras_file, tmp_path):
    path = tmp_path / "generator.keras"
    version = "99.1.0rc1" if newer else "3.0.5"
    with zipfile.ZipFile(io.BytesIO(keras_file)) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps({"keras_version": version})
            if name == "config.json":  # a setting that this Keras does not know
                content = content.replace(b'"units":', b'"unheard_of": 1, "units":')
            new.writestr(name, content)
    message = "which Keras 99.1.0rc1 wrote; expected .* Keras 3" if newer else "unheard_of"
    with pytest.raises((ValueError, TypeError), match=message):
        training.load_generator(path)
