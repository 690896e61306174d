"""The same step in PyTorch, on the same networks: they are translated from Keras layer by layer."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import loops_keras
from ganlib import data
from ganlib._tensorflow import keras

VARIANTS = ("eager", "channels_last", "compiled")


class _Reshape(nn.Module):
    """A dense layer's output to an image whose values lie as Keras has them, channels last."""

    def __init__(self, shape):
        super().__init__()
        self._shape = shape

    def forward(self, x):
        return x.view(-1, *self._shape).permute(0, 3, 1, 2)


class _Flatten(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class _Add(nn.Module):
    def forward(self, a, b):
        return a + b


class _Graph(nn.Module):
    """Modules in their order, each with the numbers of the values that it takes; 0 is the input."""

    def __init__(self, modules, sources):
        super().__init__()
        self._steps, self._sources = nn.ModuleList(modules), sources

    def forward(self, x):
        values = [x]
        for module, places in zip(self._steps, self._sources, strict=True):
            values.append(module(*(values[i] for i in places)))
        return values[-1]


def translate(model):
    """Returns a Keras model as a PyTorch module with the same weights.

    Args:
        model: a functional ``keras.Model`` of one input and one output.

    Returns:
        An ``nn.Module`` of images (batch, channels, height, width).

    Raises:
        ValueError: if it has a layer of a kind that is not known here.
    """
    modules, sources, places = [], [], {id(model.inputs[0]): 0}
    for layer in model.layers:
        kind, weights = type(layer).__name__, [torch.from_numpy(w) for w in layer.get_weights()]
        if kind == "InputLayer":
            continue
        if kind not in _TRANSLATIONS:
            raise ValueError(
                f"the layer {kind} has no translation to PyTorch; these have: "
                f"{sorted(_TRANSLATIONS)}."
            )
        own = _TRANSLATIONS[kind](layer, weights)
        if getattr(layer, "activation", keras.activations.linear) is keras.activations.tanh:
            own.append(nn.Tanh())
        taken = layer.input if isinstance(layer.input, list) else [layer.input]
        modules.append(own[0] if len(own) == 1 else nn.Sequential(*own))
        sources.append([places[id(tensor)] for tensor in taken])
        places[id(layer.output)] = len(modules)
    return _Graph(modules, sources)


def _loaded(module, weight, bias):
    module.weight.data = weight.contiguous()
    if bias:
        module.bias.data = bias[0]
    return module


def _dense(layer, weights):
    kernel, *bias = weights
    return [_loaded(nn.Linear(*kernel.shape, bias=bool(bias)), kernel.T, bias)]


def _convolution(layer, weights):
    kernel, *bias = weights
    (height, width), stride = layer.input.shape[1:3], layer.strides[0]
    size, inputs, outputs = kernel.shape[0], kernel.shape[2], kernel.shape[3]
    total = max((-(-height // stride) - 1) * stride + size - height, 0)  # as "same" has it
    if height != width or layer.padding != "same":
        raise ValueError("only square images and padding='same' are translated to PyTorch.")
    before, even = total // 2, total % 2 == 0
    module = nn.Conv2d(inputs, outputs, size, stride, before if even else 0, bias=bool(bias))
    padding = [] if even else [nn.ZeroPad2d((before, total - before) * 2)]
    return [*padding, _loaded(module, kernel.permute(3, 2, 0, 1), bias)]


def _transposed(layer, weights):
    kernel, *bias = weights
    size, stride = kernel.shape[0], layer.strides[0]
    shape = kernel.shape[3], kernel.shape[2]
    module = nn.ConvTranspose2d(*shape, size, stride, (size - stride) // 2, bias=bool(bias))
    return [_loaded(module, kernel.permute(3, 2, 0, 1), bias)]


def _normalization(layer, weights):
    scale, shift, mean, variance = weights
    module = nn.BatchNorm2d(len(scale), layer.epsilon, 1 - layer.momentum)
    module.running_mean.data, module.running_var.data = mean, variance
    return [_loaded(module, scale, [shift])]


_TRANSLATIONS = {
    "Dense": _dense,
    "Reshape": lambda layer, _: [_Reshape(layer.target_shape)],
    "BatchNormalization": _normalization,
    "FusedBatchNormalization": _normalization,
    "ReLU": lambda layer, _: [nn.ReLU(inplace=True)],
    "LeakyReLU": lambda layer, _: [nn.LeakyReLU(layer.negative_slope, inplace=True)],
    "Conv2D": _convolution,
    "NarrowConv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "Flatten": lambda layer, _: [_Flatten()],
    "Add": lambda layer, _: [_Add()],
}


class TorchLoop:
    """What a good user of PyTorch writes, with the data set in memory and fused optimizers.

    Args:
        images: uint8 array (n, 28, 28, 1).
        mode: "full" or "bare".
        variant: one of ``VARIANTS``; "compiled" is ``torch.compile`` with channels last.
        **changed: parameters of the lab to change.
    """

    def __init__(self, images, mode, variant="eager", **changed):
        gan = loops_keras.lab_gan(mode, **changed)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        layout = torch.contiguous_format if variant == "eager" else torch.channels_last
        pixels = np.moveaxis(np.asarray(data.to_model_range(images)), 3, 1)
        self._images = torch.from_numpy(pixels.copy()).to(device, memory_format=layout)
        self._device, self._full, self._steps = device, mode == "full", 0
        self.batch_size, self._latent_dim = gan.options.batch_size, gan.latent_dim
        self._decay = gan.options.ema_decay
        self._penalty = gan.penalties[0] if gan.penalties else None
        self._networks = [
            translate(model).to(device, memory_format=layout)
            for model in (gan.generator, gan.discriminator)
        ]
        self._average = copy.deepcopy(self._networks[0])
        self._optimizers = []
        pairs = (gan.generator_optimizer, gan.discriminator_optimizer)
        for optimizer, network in zip(pairs, self._networks, strict=True):
            betas = (optimizer.beta_1, optimizer.beta_2)
            rate = {"lr": float(optimizer.learning_rate), "eps": optimizer.epsilon, "fused": True}
            self._optimizers.append(torch.optim.Adam(network.parameters(), betas=betas, **rate))
        self._plain = self._networks[1]  # a compiled one cannot be differentiated twice
        if variant == "compiled":
            self._networks = [torch.compile(network) for network in self._networks]
        self._order = torch.zeros(0, dtype=torch.int64, device=device)

    def run(self, section, num_steps):
        """Makes so many steps, or the named part of them, and waits for their end."""
        for _ in range(num_steps):
            if len(self._order) < self.batch_size:
                self._order = torch.randperm(len(self._images), device=self._device)
            batch = self._images[self._order[: self.batch_size]]
            self._order = self._order[self.batch_size :]
            if section == "forward":
                with torch.no_grad():
                    self._forward(batch)
            else:
                self._step(batch, section == "step")
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def _generate(self):
        latents = torch.randn(self.batch_size, self._latent_dim, device=self._device)
        return self._networks[0](latents)

    def _discriminator_loss(self, real, fake):
        on_real, on_fake = self._networks[1](torch.cat([real, fake])).chunk(2)
        return functional.softplus(-on_real).mean() + functional.softplus(on_fake).mean()

    def _generator_loss(self, fake):
        return functional.softplus(-self._networks[1](fake)).mean()

    def _forward(self, real):
        fake = self._generate()
        return self._discriminator_loss(real, fake) + self._generator_loss(fake)

    def _step(self, real, apply):
        (g_optimizer, d_optimizer), discriminator = self._optimizers, self._networks[1]
        fake = self._generate()
        d_optimizer.zero_grad()
        loss = self._discriminator_loss(real, fake.detach())
        if apply and self._penalty and self._steps % self._penalty.interval == 0:
            loss = loss + self._penalty.weight * self._penalty.interval * self._r1(real)
        loss.backward()
        if apply:
            d_optimizer.step()
        discriminator.requires_grad_(False)  # only the images' gradients are needed
        g_optimizer.zero_grad()
        self._generator_loss(fake).backward()
        discriminator.requires_grad_(True)
        if apply:
            g_optimizer.step()
            self._steps += 1
            if self._full:
                self._move_average()

    def _r1(self, real):
        real = real.detach().requires_grad_(True)
        total = self._plain(real).sum()
        (slopes,) = torch.autograd.grad(total, real, create_graph=True)
        return 0.5 * slopes.square().sum((1, 2, 3)).mean()

    @torch.no_grad()
    def _move_average(self):
        torch._foreach_lerp_(
            [*self._average.parameters()], [*self._networks[0].parameters()], 1 - self._decay
        )
        pairs = zip(self._average.buffers(), self._networks[0].buffers(), strict=True)
        for mean, value in pairs:
            if mean.is_floating_point():
                mean.lerp_(value, 1 - self._decay)
