"""Spectral normalisation: every kernel divided by its largest singular value.

A layer x -> Wx stretches no difference by more than σ, the largest singular value of W. With W/σ
in place of W, and activations of slope at most 1, a discriminator's logit cannot change faster than
its image does, which keeps the gradients that it sends to the generator bounded.

Reference:
    Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, ICLR 2018.
    Chapters 05 and 15.
"""

from typing import Any

from ganlib._tensorflow import keras, tf
from ganlib.models import fast

_KINDS = (
    keras.layers.Dense,
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.Embedding,
)


@keras.saving.register_keras_serializable("ganlib")
class SpectralNormalization(keras.layers.Wrapper):
    """A layer that computes with W/σ(W), where W is the kernel that the optimizer sees.

    σ is wᵀ·W·u with a running estimate u of the singular vector and w = Wu/‖Wu‖. A call with
    ``training=True`` improves u by one power iteration first; any other leaves it. Both vectors
    count as constants, so dσ/dW = w·uᵀ, and the gradient of W/σ has that part too: the kernel is
    kept as it is, and what it would gain by mere growth is taken out of its gradient.

    W is the kernel as a matrix with one column for each output channel. For a convolution, this
    σ bounds the stretching up to a factor that depends on the kernel's size and stride.

    One iteration a step is enough, as the kernel moves little. So a step calls its network with
    ``training=True`` once, and other passes (a penalty, the generator's loss) with ``False``.

    Args:
        layer: a ``Dense``, ``Conv2D``, ``Conv2DTranspose`` or ``Embedding`` layer.
        **kwargs: ``keras.layers.Layer``'s own arguments.

    Raises:
        ValueError: if the layer is of another kind.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib._tensorflow import keras
        >>> from ganlib.models import spectral
        >>> dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        >>> dense = spectral.SpectralNormalization(dense)
        >>> float(dense(tf.constant([[3.0, 4.0]]))[0, 0])  # (3 + 4)/√2, as σ = √2
        4.949747...

    Reference:
        Miyato et al., ICLR 2018, section 2.1 and algorithm 1. Chapter 05.
    """

    iterates_in_training = True

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None:
        if not isinstance(layer, _KINDS):
            raise ValueError(
                f"received a layer of the kind {type(layer).__name__}; expected one with a kernel, "
                f"of {[kind.__name__ for kind in _KINDS]}. Wrap only layers of these kinds."
            )
        # σ is computed in the kernel's own precision, and only the layer casts: in mixed precision,
        # inputs and W/σ to float16.
        super().__init__(layer, **({"dtype": layer.variable_dtype} | kwargs))
        self.autocast = False

    def build(self, input_shape: tuple) -> None:
        """Makes the layer's variables, and u from a fixed seed.

        Args:
            input_shape: tuple.
        """
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(self._matrix().shape[-1],),
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=0),
            trainable=False,
        )
        self.built = True

    @property
    def _kernel(self):
        layer = self.layer
        return layer.embeddings if isinstance(layer, keras.layers.Embedding) else layer.kernel

    def _matrix(self):
        """W: a row for each number that enters an output, a column for each output channel."""
        kernel = tf.convert_to_tensor(self._kernel)
        if isinstance(self.layer, keras.layers.Conv2DTranspose):
            kernel = tf.transpose(kernel, [0, 1, 3, 2])  # its outputs come before its inputs
        return tf.reshape(kernel, [-1, kernel.shape[-1]])

    def sigma(self, iterate: bool = False) -> tf.Tensor:
        """The largest singular value of W, as estimated with u.

        Args:
            iterate: whether to improve u by a power iteration first.

        Returns:
            Scalar tensor, at most the true value, differentiable with respect to the kernel.
        """
        matrix = self._matrix()
        constant = tf.stop_gradient(matrix)
        u = tf.linalg.l2_normalize(self.u)[:, None]  # (columns, 1)
        if iterate:
            w = tf.linalg.l2_normalize(constant @ u)  # (rows, 1)
            u = tf.linalg.l2_normalize(tf.transpose(constant) @ w)
            self.u.assign(u[:, 0])
        w = tf.linalg.l2_normalize(constant @ u)
        return tf.reduce_sum(w * (matrix @ u))

    def normalized_kernel(self, iterate: bool = False) -> tf.Tensor:
        """W/σ(W) in the kernel's shape.

        Args:
            iterate: whether to improve u by a power iteration first.

        Returns:
            A tensor of the kernel's shape and dtype.
        """
        # A kernel of zeros stays one.
        return tf.convert_to_tensor(self._kernel) / tf.maximum(self.sigma(iterate), 1e-12)

    def call(self, inputs: tf.Tensor, training: bool | None = False) -> tf.Tensor:
        """Calls the layer with the normalised kernel.

        Args:
            inputs: what the layer takes.
            training: whether to make a power iteration first.

        Returns:
            What the layer gives.
        """
        kernel = self.normalized_kernel(iterate=bool(training))
        with keras.StatelessScope([(self._kernel, kernel)], initialize_variables=False):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The layer's own.

        Args:
            input_shape: tuple.

        Returns:
            A tuple.
        """
        return self.layer.compute_output_shape(input_shape)

    def compute_output_spec(
        self, inputs: keras.KerasTensor, training: bool | None = False
    ) -> keras.KerasTensor:
        """The layer's own.

        Args:
            inputs: ``KerasTensor``.
            training: ignored.

        Returns:
            A ``KerasTensor``.
        """
        del training
        return self.layer.compute_output_spec(inputs)


def _has_weights(layer):
    """Whether there is something to take over; inputs without names get others in a copy."""
    return bool(layer.weights)


def _copy(layer):
    if isinstance(layer, keras.layers.Lambda):  # no weights, and Keras copies no unknown code
        return layer
    return type(layer).from_config(layer.get_config())


def with_spectral_normalization(model: keras.Model) -> keras.Model:
    """A copy of a functional model in which every kernel is divided by its σ.

    Args:
        model: a functional ``keras.Model``, of ganlib's or your own.

    Returns:
        A model with the same weights, where each layer with a kernel is within a
        ``SpectralNormalization`` of its name.

    Example:
        >>> from ganlib.models import mlp, spectral
        >>> discriminator = spectral.with_spectral_normalization(mlp.discriminator(None, 2))
        >>> type(discriminator.get_layer("logits")).__name__
        'SpectralNormalization'

    Reference:
        Miyato et al., ICLR 2018. Chapter 05.
    """

    def wrapped(layer):
        copy = _copy(layer)
        return SpectralNormalization(copy, name=layer.name) if isinstance(layer, _KINDS) else copy

    copy = keras.models.clone_model(model, clone_function=wrapped)
    for layer in filter(_has_weights, model.layers):
        target = copy.get_layer(layer.name)
        target = target.layer if isinstance(layer, _KINDS) else target
        target.set_weights(layer.get_weights())
    return copy


def folded(model: keras.Model) -> keras.Model:
    """A copy of a functional model for use: plain layers that hold W/σ as their kernels.

    Args:
        model: a functional ``keras.Model``, which may hold ``SpectralNormalization`` layers and
            ``fast.FusedBatchNormalization``.

    Returns:
        A model that computes in inference what the given one does, and that plain Keras can load,
        if it holds no other layer of ganlib's.

    Example:
        >>> from ganlib.models import mlp, spectral
        >>> model = spectral.with_spectral_normalization(mlp.generator(None, 2, latent_dim=4))
        >>> spectral.folded(model).count_params() == mlp.generator(None, 2, 4).count_params()
        True
    """

    def bare(layer):
        return _copy(layer.layer if isinstance(layer, SpectralNormalization) else layer)

    copy = keras.models.clone_model(model, clone_function=bare, recursive=True)
    _fill(copy, model)
    return fast.with_plain_layers(copy)


def _fill(copy, model):
    """Gives a copy without normalisation the weights of a model, and those of models within it."""
    for layer in filter(_has_weights, model.layers):
        if isinstance(layer, SpectralNormalization):
            weights = layer.layer.get_weights()
            weights[0] = layer.normalized_kernel().numpy()  # the kernel comes before the bias
            copy.get_layer(layer.layer.name).set_weights(weights)
        elif isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            _fill(copy.get_layer(layer.name), layer)
        else:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
