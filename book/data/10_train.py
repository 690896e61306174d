"""Trains a GAN on what is there: python train.py DIRECTORY NUM_STEPS CHECKPOINT_EVERY."""

import contextlib
import os
import sys

import keras
import tensorflow as tf

from ganlib import data, penalties, training
from ganlib.models import mlp

directory, num_steps, checkpoint_every = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

if "TF_CONFIG" in os.environ:
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
elif len(tf.config.list_logical_devices("GPU")) > 1:
    strategy = tf.distribute.MirroredStrategy()
else:
    strategy = None

keras.utils.set_random_seed(0)  # every worker begins with the same weights
with strategy.scope() if strategy else contextlib.nullcontext():
    generator = mlp.generator(28, 1, latent_dim=32, width=128)
    discriminator = mlp.discriminator(28, 1, width=128)
gan = training.GAN(
    generator,
    discriminator,
    penalties=[training.Penalty(penalties.r1, 1.0, interval=16)],
    options=training.Options(batch_size=64, steps_per_call=10, strategy=strategy),
)
gan.train(
    data.load_fashion_mnist(),
    num_steps,
    directory,
    checkpoint_every=checkpoint_every,
    callbacks=[lambda gan, step: print(step, flush=True)],
    progress=False,
)
if os.path.exists(f"{directory}/step-{num_steps:09d}.npz"):
    gan.save_generator(f"{directory}/generator.keras")
