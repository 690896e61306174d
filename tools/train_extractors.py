"""Train the two extractors and write their weights into the package: ``make extractors``.

Ten minutes on two CPU cores. Writes ``ganlib/weights/*.npz`` and the measured accuracies, as
``book/data/extractors.json``. The epochs and rates were chosen on the last 10,000 training images.
"""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

from ganlib import data, features  # first, so that TensorFlow loads without its log lines

ROOT = pathlib.Path(__file__).resolve().parent.parent
BATCH_SIZE = 128


def train(name, images, labels, num_epochs, shift):
    """Trains one extractor and writes its weights, in float16."""
    keras.utils.set_random_seed(0)
    model = features.classifier_model(images.shape[1:], num_classes=10)
    num_steps = num_epochs * len(images) // BATCH_SIZE
    rate = keras.optimizers.schedules.CosineDecay(2e-3, num_steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(batch, batch_labels):
        with tf.GradientTape() as tape:
            loss = cross_entropy(batch_labels, model(data.to_model_range(batch), training=True)[1])
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    generator = np.random.default_rng(0)
    padding = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    height, width = images.shape[1:3]
    for epoch in range(num_epochs):
        padded = np.pad(images, padding)
        order = generator.permutation(len(images))
        for start in range(0, len(images) - BATCH_SIZE + 1, BATCH_SIZE):
            chosen = order[start : start + BATCH_SIZE]
            top, left = generator.integers(0, 2 * shift + 1, 2)
            batch = padded[chosen, top : top + height, left : left + width]
            loss = step(tf.constant(batch), tf.constant(labels[chosen]))
        print(f"{name}: epoch {epoch + 1} of {num_epochs}, loss {float(loss):.3f}", flush=True)
    arrays = {f"{i:03d}": w.astype(np.float16) for i, w in enumerate(model.get_weights())}
    np.savez_compressed(ROOT / "ganlib" / "weights" / f"{name}.npz", **arrays)


def accuracy(classifier, images, labels):
    return float(np.mean(classifier.probabilities(images).argmax(1) == labels))


def main():
    (ROOT / "ganlib" / "weights").mkdir(exist_ok=True)
    fashion, test = (data.load_fashion_mnist(split=s) for s in ("train", "test"))
    digits = data.load_digits()
    train("fashion_classifier", fashion.images[:50_000], fashion.labels[:50_000], 9, shift=0)
    train("digits_classifier", digits.images[:1437], digits.labels[:1437], 120, shift=1)
    report = {
        "fashion_classifier": {
            "trained_on": "first 50,000 training images of Fashion-MNIST",
            "test_accuracy": accuracy(features.fashion_classifier(), test.images, test.labels),
        },
        "digits_classifier": {
            "trained_on": "first 1,437 of scikit-learn's 1,797 digits",
            "test_accuracy": accuracy(
                features.digits_classifier(), digits.images[1437:], digits.labels[1437:]
            ),
        },
    }
    (ROOT / "book" / "data" / "extractors.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
