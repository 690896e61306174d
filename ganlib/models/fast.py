"""Keras's layers, faster on a CPU: the same arguments, variables and values.

A convolution's inner loops run over channels, and processors do eight or sixteen at a time. With
the one or three channels of an image on a side most of that is wasted. `NarrowConv2D` computes the
same values from one matrix product over the many channels, whose results, a number for each place
and weight, are then shifted and added. `FusedBatchNormalization` trains by a fused operation.
`with_plain_layers` puts Keras's own layers back.
"""

import itertools

from ganlib._tensorflow import devices, keras, tf

_MOST_NARROW = 4  # channels; with more, the convolution itself is as fast


@keras.saving.register_keras_serializable("ganlib")
class NarrowConv2D(keras.layers.Conv2D):
    """Keras's convolution, for the step from many channels to an image's, or from an image to many.

    Same arguments, variables and values. Two cases are computed in another order, on a CPU: stride
    1 to few channels, as at a generator's end; and kernel 4 with stride 2 from few channels, as at
    a discriminator's beginning, for the gradient with respect to the image. All else is Keras's
    own. The averaged generator, which is what one saves, has Keras's own layer in its place.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib.models import fast
        >>> fast.NarrowConv2D(1, 3, padding="same")(tf.ones([2, 28, 28, 16])).shape
        TensorShape([2, 28, 28, 1])

    Reference:
        The product and the shifts are the two halves of what is known as im2col and col2im:
        Chellapilla, Puri and Simard, *High Performance Convolutional Neural Networks for Document
        Processing*, 2006. Chapter 10_fast_and_large.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolves; Keras calls it.

        Args:
            inputs: float tensor (batch, height, width, channels).
            kernel: variable (side, side, channels, filters).

        Returns:
            A float tensor (batch, height, width, filters).
        """
        side = self.kernel_size[0]
        settings = self.kernel_size, self.dilation_rate, self.groups, self.padding, self.data_format
        usual = settings == ((side, side), (1, 1), 1, "same", "channels_last")
        if usual and not devices.gpus():
            channels, filters = kernel.shape[2:]
            even = all(size and size % 2 == 0 for size in inputs.shape[1:3])
            if self.strides == (1, 1) and side % 2 and filters <= _MOST_NARROW:
                return _to_few(inputs, tf.convert_to_tensor(kernel))
            if self.strides == (2, 2) and side == 4 and even and channels <= _MOST_NARROW:
                return _from_few(inputs, tf.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable("ganlib")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation, computed in training by TensorFlow's fused operation.

    Same arguments, variables and values; on a CPU its gradient takes a quarter of the time. The
    averaged generator, which is what one saves, has Keras's own layer in its place.

    Reference:
        Ioffe and Szegedy, *Batch Normalization*, ICML 2015.
    """

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Normalises a batch.

        Args:
            inputs: float tensor (batch, height, width, channels).
            training: whether to use the batch's statistics and to move the averages.
            mask: refused, as the fused operation knows none.

        Returns:
            A tensor of the inputs' shape.
        """
        # The operation knows no other dtype of γ and β.
        if not training or not self.trainable or self.variable_dtype != "float32":
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1:]
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            self.gamma if self.scale else tf.ones(channels),
            self.beta if self.center else tf.zeros(channels),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The operation divides by n − 1 in the variance that it returns, Keras by n.
        count = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], variance.dtype)
        variance *= (count - 1) / count
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return outputs


def with_plain_layers(model: keras.Model) -> keras.Model:
    """A copy of a functional model that plain Keras can load, with the same weights.

    Args:
        model: a functional ``keras.Model`` or a ``keras.Sequential``; models within it are copied
            in the same way.

    Returns:
        A model with Keras's own layers in place of ``FusedBatchNormalization`` and
        ``NarrowConv2D``. A ``Lambda`` layer is shared with the given model, not copied.

    Raises:
        ValueError: if a layer cannot be copied, naming it.
    """
    plain_classes = {
        FusedBatchNormalization: keras.layers.BatchNormalization,
        NarrowConv2D: keras.layers.Conv2D,
    }

    def plain(layer):
        if isinstance(layer, keras.layers.Lambda):
            return layer  # it has no weights, and Keras makes no second one of unknown code
        if isinstance(layer, keras.layers.TimeDistributed):
            inner = with_plain_layers(layer.layer) if _is_graph(layer.layer) else plain(layer.layer)
            return keras.layers.TimeDistributed(inner, name=layer.name)
        try:
            return plain_classes.get(type(layer), type(layer)).from_config(layer.get_config())
        except (NotImplementedError, TypeError, ValueError) as error:
            raise ValueError(
                f"received a generator with the layer {layer.name!r} of the class "
                f"{type(layer).__name__}, which Keras cannot copy; expected layers that can be "
                "copied, as the generator's average is a copy. Give the class a get_config that "
                "holds its arguments, or build a functional model of Keras's own layers."
            ) from error

    copy = keras.models.clone_model(model, clone_function=plain, recursive=True)
    copy.set_weights(model.get_weights())
    return copy


def _is_graph(layer):
    """Whether a layer is a model whose layers are known: functional, or sequential."""
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))


@tf.custom_gradient
def _to_few(inputs, kernel):
    """Stride 1 to few channels.

    The kernel's gradient sums products of the inputs and of the outputs' gradient, shifted against
    each other. Which of the two is taken for the image and which for the filter only turns the
    result around; it is faster to shift the one with few channels.
    """
    about = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    side, _, channels, filters = kernel.shape

    def gradient(upstream):
        to_inputs = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(inputs), filter=kernel, out_backprop=upstream, **about
        )
        sizes = [side, side, filters, channels]
        turned = tf.raw_ops.Conv2DBackpropFilter(
            input=upstream, filter_sizes=sizes, out_backprop=inputs, **about
        )
        return to_inputs, tf.transpose(tf.reverse(turned, [0, 1]), [0, 1, 3, 2])

    height, width = inputs.shape[1:3]
    weights = tf.reshape(tf.transpose(kernel, [0, 1, 3, 2]), [-1, channels])
    products = _products(weights, inputs)  # (side · side · filters, batch · height · width)
    products = tf.reshape(products, [side, side, filters, -1, height, width])
    products = tf.pad(products, [[0, 0]] * 4 + [[side // 2] * 2] * 2)
    shifts = itertools.product(range(side), repeat=2)
    parts = [products[i, j, :, :, i : i + height, j : j + width] for i, j in shifts]
    return tf.transpose(tf.add_n(parts), [1, 2, 3, 0]), gradient


@tf.custom_gradient
def _from_few(inputs, kernel):
    """Kernel 4 and stride 2 from few channels.

    Row y of the image meets row k of the kernel at row i of the outputs where y + 1 = 2·i + k. With
    k = 2·a + p this says: place i + a of a grid of pairs of rows, and row p of the pair.
    """
    about = {"strides": [1, 2, 2, 1], "padding": "SAME"}
    channels, filters = kernel.shape[2:]
    height, width = inputs.shape[1] // 2, inputs.shape[2] // 2

    def gradient(upstream):
        products = _products(tf.reshape(kernel, [-1, filters]), upstream)
        products = tf.reshape(products, [2, 2, 2, 2, channels, -1, height, width])  # a p b q c
        products = tf.pad(products, [[0, 0]] * 6 + [[1, 1]] * 2)
        y, x, places = height + 2, width + 2, itertools.product(range(2), repeat=2)
        parts = [products[a, :, b, ..., 1 - a : y - a, 1 - b : x - b] for a, b in places]
        pairs = tf.add_n(parts)  # (p, q, channels, batch, height + 1, width + 1)
        pairs = tf.transpose(pairs, [3, 4, 0, 5, 1, 2])
        rows = tf.reshape(pairs, [-1, 2 * height + 2, 2 * width + 2, channels])
        to_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=inputs, filter_sizes=kernel.shape, out_backprop=upstream, **about
        )
        return rows[:, 1:-1, 1:-1], to_kernel

    return tf.nn.conv2d(inputs, kernel, **about), gradient


def _products(weights, images):
    """Weights (m, channels) times each place's channels: (m, batch · height · width)."""
    return tf.matmul(weights, tf.reshape(images, [-1, images.shape[-1]]), transpose_b=True)
