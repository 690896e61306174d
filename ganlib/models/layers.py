"""What several architectures share: the checks of their arguments and the initial weights."""

from ganlib._tensorflow import keras, tf


def normal(stddev=0.02):
    """The DCGAN initialiser: weights drawn from N(0, stddev²).

    Args:
        stddev: standard deviation of the weights.

    Returns:
        A fresh ``keras.initializers.RandomNormal``; Keras gives each one its own seed, so that
        two layers of one shape do not start equal.

    Reference:
        Radford, Metz and Chintala, ICLR 2016, section 4.
    """
    return keras.initializers.RandomNormal(stddev=stddev)


def require_positive(**sizes):
    """Refuses sizes that are no positive integers.

    Args:
        **sizes: the values to check, by the names under which the caller received them.

    Raises:
        ValueError: naming the first size that is not a positive integer.
    """
    for name, value in sizes.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f"{name} must be a positive integer, but is {value!r}. "
                f"Pass for instance {name}={64 if name != 'channels' else 1}."
            )


@keras.saving.register_keras_serializable("ganlib")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation, computed in training by TensorFlow's fused operation.

    Same arguments, variables and values; on a CPU its gradient takes a quarter of the time. The
    averaged generator, which is what one saves, has Keras's own layer in its place.

    Reference:
        Ioffe and Szegedy, *Batch Normalization*, ICML 2015.
    """

    def call(self, inputs, training=None, mask=None):
        """Normalises a batch.

        Args:
            inputs: float tensor (batch, height, width, channels).
            training: whether to use the batch's statistics and to move the averages.
            mask: refused, as the fused operation knows none.

        Returns:
            A tensor of the inputs' shape.
        """
        if not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        # The operation divides by n − 1 in the variance that it returns, Keras by n.
        count = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], variance.dtype)
        variance *= (count - 1) / count
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return outputs


def with_plain_batch_normalization(model):
    """A copy of a functional model that plain Keras can load, with the same weights.

    Args:
        model: a functional ``keras.Model``.

    Returns:
        A model with Keras's own batch normalisation in place of ``FusedBatchNormalization``.
    """

    def plain(layer):
        config = layer.get_config()
        if isinstance(layer, FusedBatchNormalization):
            return keras.layers.BatchNormalization.from_config(config)
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=plain)
    copy.set_weights(model.get_weights())
    return copy
