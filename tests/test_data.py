"""Images, the pixel ranges, the shipped datasets, and what `make data` does."""

import dataclasses
import gzip
import hashlib
import io
import struct
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from ganlib import data
from ganlib.data import Images, to_model_range, to_uint8
from ganlib.data import _downloads as downloads


@pytest.fixture
def images():
    """Five images whose pixels hold their index, so that a wrong choice shows."""
    pixels = np.zeros((5, 4, 6, 3), np.uint8) + np.arange(5, dtype=np.uint8)[:, None, None, None]
    return Images(pixels, [0, 2, 1, 2, 0], ["cat", "dog", "fox"])


# Images


def test_fields_have_the_documented_types(images):
    assert images.images.dtype == np.uint8
    assert images.labels.dtype == np.int64
    assert images.class_names == ("cat", "dog", "fox")
    assert (len(images), images.num_classes) == (5, 3)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (slice(1, 4, 2), [1, 3]),
        (np.array([4, 0, 0, -1]), [4, 0, 0, 4]),
        ([3, 1], [3, 1]),
        (np.array([False, True, False, False, True]), [1, 4]),
        ([], []),
    ],
    ids=["slice", "integers", "list", "mask", "nothing"],
)
def test_index_chooses_images_and_labels_together(images, index, expected):
    chosen = images[index]
    assert chosen.images[:, 0, 0, 0].tolist() == expected
    assert chosen.labels.tolist() == [[0, 2, 1, 2, 0][i] for i in expected]
    assert chosen.class_names == images.class_names
    assert chosen.num_classes == 3


def test_index_of_unlabelled_images_stays_unlabelled(images):
    assert Images(images.images)[1:3].labels is None


@pytest.mark.parametrize("index", [2, np.int64(2), 1.5, [0.5], np.zeros((2, 2), int), "a"])
def test_other_indices_are_refused_with_the_way_out(images, index):
    with pytest.raises(TypeError, match=r"images\[i : i \+ 1\]"):
        images[index]


def test_mask_of_the_wrong_length_is_refused(images):
    with pytest.raises(IndexError, match="4 booleans for 5 images"):
        images[np.ones(4, bool)]


def test_number_of_classes_without_names_is_the_largest_label_plus_one(images):
    assert Images(images.images, [0, 6, 1, 0, 0]).num_classes == 7
    assert Images(images.images).num_classes == 0
    assert Images(images.images[:0], []).num_classes == 0


@pytest.mark.parametrize(
    ("pixels", "error", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), TypeError, "float32.*to_uint8"),
        ([[[[0]]]], TypeError, "list"),
        (np.zeros((2, 4, 4), np.uint8), ValueError, "newaxis"),
        (np.zeros((2, 3, 8, 8), np.uint8), ValueError, "1 or 3 channels"),
    ],
    ids=["float", "list", "no channel axis", "channels first"],
)
def test_wrong_pixels_are_refused(pixels, error, message):
    with pytest.raises(error, match=message):
        Images(pixels)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], ValueError, "for 5 images"),
        ([[0], [0], [0], [0], [0]], ValueError, "for 5 images"),
        ([0.0, 1.0, 0.0, 0.0, 0.0], TypeError, "float64"),
        ([0, 1, -1, 0, 0], ValueError, "label -1"),
        ([0, 1, 3, 0, 0], ValueError, "label 3 with 3 class names"),
    ],
    ids=["too few", "column", "float", "negative", "beyond the names"],
)
def test_wrong_labels_are_refused(images, labels, error, message):
    with pytest.raises(error, match=message):
        Images(images.images, labels, images.class_names)


# Pixel ranges

EVERY_PIXEL = np.arange(256, dtype=np.uint8)


def test_model_range_is_pixels_over_127_and_a_half_minus_one():
    expected = EVERY_PIXEL.astype(np.float64) / 127.5 - 1  # the definition, in float64
    result = to_model_range(EVERY_PIXEL)
    assert result.dtype == np.float32
    assert (result[0], result[-1]) == (-1.0, 1.0)
    np.testing.assert_allclose(result, expected, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_uint8_undoes_to_model_range_exactly(dtype):
    assert np.array_equal(to_uint8(to_model_range(EVERY_PIXEL).astype(dtype)), EVERY_PIXEL)


def test_to_uint8_rounds_to_the_nearest_and_clips():
    # 0.4, 0.6 and 200.4 pixels above black; then values beyond both ends.
    values = np.array([0.4 / 127.5 - 1, 0.6 / 127.5 - 1, 200.4 / 127.5 - 1, -1.5, 3, np.inf])
    result = to_uint8(values)
    assert result.dtype == np.uint8
    assert result.tolist() == [0, 1, 200, 0, 255, 255]


def test_to_uint8_takes_the_bfloat16_arrays_of_mixed_precision():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert to_uint8(np.array([-1, 0.5, 1], ml_dtypes.bfloat16)).tolist() == [0, 191, 255]


def test_ranges_refuse_what_was_converted_already():
    with pytest.raises(TypeError, match="float32; expected a uint8"):
        to_model_range(to_model_range(EVERY_PIXEL))
    with pytest.raises(TypeError, match="int64"):
        to_model_range(EVERY_PIXEL.astype(np.int64))
    with pytest.raises(TypeError, match=r"Images.*\.images"):
        to_model_range(Images(np.zeros((1, 4, 4, 1), np.uint8)))
    with pytest.raises(TypeError, match="uint8; expected a floating-point"):
        to_uint8(EVERY_PIXEL)
    with pytest.raises(TypeError, match="list"):
        to_uint8([0.0])


def test_to_uint8_of_nan_is_an_error():
    with pytest.raises(ValueError, match="diverged"):
        to_uint8(np.array([0.0, np.nan]))


@pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "XLA"])
def test_ranges_of_tensors_equal_those_of_arrays(jit_compile):
    from ganlib._tensorflow import tf

    def there_and_back(pixels):
        return to_model_range(pixels), to_uint8(to_model_range(pixels))

    def clipped(values):
        return to_uint8(values)

    if jit_compile is not None:
        there_and_back = tf.function(there_and_back, jit_compile=jit_compile)
        clipped = tf.function(clipped, jit_compile=jit_compile)
    scaled, back = there_and_back(tf.constant(EVERY_PIXEL))
    assert (scaled.dtype, back.dtype) == (tf.float32, tf.uint8)
    np.testing.assert_allclose(scaled.numpy(), to_model_range(EVERY_PIXEL), atol=2e-7)
    assert np.array_equal(back.numpy(), EVERY_PIXEL)
    values = tf.constant([-1.5, 0.6 / 127.5 - 1, 3.0, np.nan])
    assert clipped(values).numpy().tolist() == [0, 1, 255, 0]


def test_ranges_refuse_tensors_of_the_wrong_kind():
    from ganlib._tensorflow import tf

    with pytest.raises(TypeError, match="float32; expected a uint8"):
        to_model_range(tf.zeros([2]))
    with pytest.raises(TypeError, match="uint8; expected a floating-point"):
        to_uint8(tf.zeros([2], tf.uint8))


def test_to_uint8_of_bfloat16_tensors_is_computed_in_float32():
    from ganlib._tensorflow import tf

    values = tf.cast(tf.linspace(-1.0, 1.0, 400), tf.bfloat16)
    # In bfloat16 itself, a quarter of these come out one step wrong.
    expected = np.rint((values.numpy().astype(np.float64) + 1) * 127.5)
    assert np.array_equal(to_uint8(values).numpy(), expected)


# Shipped datasets


def test_importing_data_loads_neither_tensorflow_nor_scikit_learn():
    code = (
        "import sys, ganlib.data; from ganlib.data import to_uint8; import numpy;"
        "to_uint8(numpy.zeros(3)); print({'tensorflow', 'keras', 'sklearn'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stderr


def test_digits_are_those_of_scikit_learn_on_the_full_range():
    digits = data.load_digits()
    assert digits.images.shape == (1797, 8, 8, 1)
    assert (digits.images.min(), digits.images.max()) == (0, 255)
    # Class counts from scikit-learn's description of the dataset.
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # The first row of the first digit in scikit-learn's documentation: 0 0 5 13 9 1 0 0.
    expected = [round(value * 255 / 16) for value in (0, 0, 5, 13, 9, 1, 0, 0)]
    assert digits.images[0, 0, :, 0].tolist() == expected
    assert digits.class_names[7] == "7"


def test_fashion_mnist_has_the_published_contents():
    test = data.load_fashion_mnist("test")
    assert test.images.shape == (10_000, 28, 28, 1)
    assert np.bincount(test.labels).tolist() == [1000] * 10
    # The first and last test labels, as TensorFlow's classification tutorial prints them.
    assert test.labels[[0, 1, 2, -3, -2, -1]].tolist() == [9, 2, 1, 8, 1, 5]
    assert test.images.flags.writeable


def test_fashion_mnist_training_set_has_the_published_statistics():
    train = data.load_fashion_mnist()
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert train.labels[[0, 1, 2, -3, -2, -1]].tolist() == [9, 0, 0, 3, 0, 5]
    # 0.2860 and 0.3530: the constants by which the training set is usually normalised.
    counts = np.bincount(train.images.ravel(), minlength=256) / train.images.size
    values = np.arange(256) / 255
    mean = counts @ values
    assert mean == pytest.approx(0.2860, abs=5e-5)
    assert np.sqrt(counts @ (values - mean) ** 2) == pytest.approx(0.3530, abs=5e-5)


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split='val'; expected 'train' or 'test'"):
        data.load_fashion_mnist("val")


def _idx(array):
    """Write IDX as the MNIST page describes it, independently of the reader."""
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


@pytest.fixture
def tiny_fashion(tmp_path, monkeypatch):
    """A stand-in for Fashion-MNIST of 3 and 2 images; returns a function that writes its files."""
    packed, table = {}, {}
    for split, num_images in (("train", 3), ("test", 2)):
        pixels = np.arange(num_images * 784, dtype=np.uint8).reshape(num_images, 28, 28)
        arrays = {"images": pixels, "labels": np.arange(num_images, dtype=np.uint8)}
        files = []
        for kind, array in arrays.items():
            contents = _idx(array)
            name = f"{split}-{kind}.gz"
            digest = hashlib.sha256(contents).hexdigest()
            files.append(downloads.File(name, len(contents), digest))
            packed[name] = gzip.compress(contents)
        table[split] = tuple(files)
    source = downloads.Source("Fashion-MNIST", "fashion-mnist", "http://127.0.0.1:9/", "package")
    monkeypatch.setattr(downloads, "FASHION_MNIST", source)
    monkeypatch.setattr(downloads, "FASHION_MNIST_FILES", table)
    monkeypatch.setattr(downloads, "DISTRIBUTION_FOLDER", tmp_path / "none")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.setenv("no_proxy", "*")

    def write(folder):
        folder.mkdir(parents=True)
        for name, contents in packed.items():
            (folder / name).write_bytes(contents)

    return write


def test_load_fashion_mnist_reads_idx_files(tiny_fashion, tmp_path, monkeypatch):
    tiny_fashion(tmp_path / "own")
    monkeypatch.setenv("GANLIB_DATA", str(tmp_path / "own"))
    train = data.load_fashion_mnist("train")
    assert train.images[1, 0, :3, 0].tolist() == [784 % 256, 785 % 256, 786 % 256]
    assert train.labels.tolist() == [0, 1, 2]
    assert train.class_names[9] == "Ankle boot"
    assert len(data.load_fashion_mnist("test")) == 2


def test_main_says_where_each_part_lies(tiny_fashion, tmp_path, capsys):
    folder = tmp_path / "keras" / "datasets" / "fashion-mnist"
    tiny_fashion(folder)
    assert data.main() == 0
    said = capsys.readouterr().out
    assert f"train: 3 images in {folder}" in said
    assert f"test: 2 images in {folder}" in said


def test_main_without_any_source_names_the_ways_out(tiny_fashion, capsys):
    assert data.main() == 1
    said = capsys.readouterr().err
    for way in ("python -m ganlib.data", "apt-get install package", "GANLIB_DATA"):
        assert way in said
    assert "Traceback" not in said


@pytest.fixture
def tiny_cifar10(tmp_path, monkeypatch):
    """Two images in the training set and one in the test set, in an archive of the real form."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (3, 32, 32, 3), np.uint8), [9, 0, 4]
    records = [
        bytes([label]) + b"".join(image[:, :, channel].tobytes() for channel in range(3))
        for image, label in zip(images, labels, strict=True)
    ]
    members = {
        "train": ("cifar-10-batches-bin/data_batch_1.bin", "cifar-10-batches-bin/data_batch_2.bin"),
        "test": ("cifar-10-batches-bin/test_batch.bin",),
    }
    parts = dict(zip([*members["train"], *members["test"]], records, strict=True))
    folder = tmp_path / "keras" / "datasets" / "cifar-10"
    folder.mkdir(parents=True)
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name in ("readme.html", *sorted(parts, reverse=True)):  # in any order
            contents = parts.get(name, b"")
            member = tarfile.TarInfo(name)
            member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    files = {}
    for split, names in members.items():
        joined = b"".join(parts[name] for name in names)
        digest = hashlib.sha256(joined).hexdigest()
        files[split] = downloads.File("cifar-10-binary.tar.gz", len(joined), digest, names)
    monkeypatch.setattr(downloads, "CIFAR10_FILES", files)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("GANLIB_DATA", raising=False)
    return images


def test_load_cifar10_reads_planes_in_the_order_of_the_batches(tiny_cifar10):
    train, test = data.load_cifar10(), data.load_cifar10("test")
    np.testing.assert_array_equal(train.images, tiny_cifar10[:2])
    np.testing.assert_array_equal(test.images, tiny_cifar10[2:])
    assert train.labels.tolist() == [9, 0]
    assert [test.class_names[label] for label in test.labels] == ["deer"]
    assert train.images.flags.c_contiguous


def test_cifar10_archive_without_a_batch_is_named_as_damaged(tiny_cifar10, monkeypatch):
    files = downloads.CIFAR10_FILES
    lacking = dataclasses.replace(files["train"], members=(*files["train"].members, "x.bin"))
    monkeypatch.setattr(downloads, "CIFAR10_FILES", {"train": lacking})
    monkeypatch.setattr(
        downloads, "CIFAR10", downloads.Source("C", "cifar-10", "http://127.0.0.1:9/")
    )
    with (
        pytest.warns(UserWarning, match=r"cifar-10-binary\.tar\.gz is damaged.*x\.bin"),
        pytest.raises(FileNotFoundError, match="call it again") as raised,
    ):
        data.load_cifar10()
    assert "apt-get" not in str(raised.value)
    with pytest.raises(ValueError, match="split='all'"):
        data.load_cifar10("all")


def test_cifar10_has_the_published_statistics_where_a_copy_is_at_hand(monkeypatch):
    """Means and deviations of the training set, as Keras and PyTorch users normalise with."""
    monkeypatch.setattr(downloads, "download", _no_network)
    try:
        train = data.load_cifar10()
    except FileNotFoundError:
        pytest.skip("cifar-10-binary.tar.gz is not on this machine")
    assert np.bincount(train.labels).tolist() == [5000] * 10
    pixels = train.images.reshape(-1, 3) / 255
    np.testing.assert_allclose(pixels.mean(axis=0), [0.4914, 0.4822, 0.4465], atol=5e-5)
    np.testing.assert_allclose(pixels.std(axis=0), [0.2470, 0.2435, 0.2616], atol=5e-5)


def _no_network(*arguments):
    raise OSError("no network in tests")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((2, 3, 8, 8), np.uint8), r"transpose\(0, 2, 3, 1\)"),
        (np.zeros((2, 8, 8), np.uint8), r"images\[\.\.\., np\.newaxis\]"),
        (np.zeros((8, 8, 3), np.uint8), r"images\[np\.newaxis\]"),
        (np.zeros((2, 8, 8, 4), np.uint8), "of four channels"),
    ],
)
def test_pixels_of_another_shape_are_told_the_way(pixels, message):
    with pytest.raises(ValueError, match=message):
        Images(pixels)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((2, 8, 8, 1), np.uint16), r"dtype uint16; .*images // 257"),
        (np.zeros((2, 8, 8, 1), np.float64), "dtype float64; .*to_uint8"),
        (np.ma.masked_equal(np.zeros((2, 8, 8, 1), np.uint8), 0), r"MaskedArray .*filled\(255\)"),
        ([np.zeros((8, 8, 1), np.uint8), np.zeros((9, 8, 1), np.uint8)], r"as list; .*np\.stack"),
        ("pictures", "as str; .*load_folder"),
    ],
)
def test_what_is_no_array_of_pixels_is_told_the_way(pixels, message):
    with pytest.raises(TypeError, match=message):
        Images(pixels)


def test_a_tensor_of_pixels_is_named_as_one():
    from ganlib._tensorflow import tf

    with pytest.raises(TypeError, match=r"as EagerTensor of dtype uint8; .*np\.asarray\(images\)"):
        Images(tf.zeros([2, 8, 8, 1], tf.uint8))


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (["cat", "dog"], TypeError, "return_inverse=True"),
        ([0.0, 1.0], TypeError, "return_inverse=True"),
        (np.eye(2, dtype=int), ValueError, r"argmax\(axis=1\)"),
    ],
)
def test_labels_of_another_kind_are_told_the_way(labels, error, message):
    with pytest.raises(error, match=message):
        Images(np.zeros((2, 8, 8, 1), np.uint8), labels)


def test_class_names_are_strings():
    pixels = np.zeros((2, 8, 8, 1), np.uint8)
    for names in ("cat", [0, 1], None):
        with pytest.raises(TypeError, match="received class_names="):
            Images(pixels, [0, 1], names)
    assert Images(pixels, [0, 1], np.array(["a", "b\udce9"])).class_names == ("a", "b%E9")
