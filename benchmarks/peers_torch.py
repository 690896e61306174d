"""Recipes of others that run on PyTorch, from their published networks and hyper-parameters.

PyTorch is a dependency of the bench alone: only this file and `loops_torch` import it.
"""

import numpy as np
import torch
from torch import nn

_BATCH_NORM_EPSILON = 0.8  # its second argument to BatchNorm2d, which is ε and no momentum


def _generator(latent_dim, side):
    def block(inputs, outputs):
        return [
            nn.Upsample(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs, _BATCH_NORM_EPSILON),
            nn.LeakyReLU(0.2, inplace=True),
        ]

    return nn.Sequential(
        nn.Linear(latent_dim, 128 * side**2),
        nn.Unflatten(1, (128, side, side)),
        nn.BatchNorm2d(128),
        *block(128, 128),
        *block(128, 64),
        nn.Conv2d(64, 1, 3, padding=1),
        nn.Tanh(),
    )


def _discriminator():
    stack, inputs = [], 1
    for outputs in (16, 32, 64, 128):
        stack.append(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1))
        stack += [nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(0.25)]
        if inputs > 1:
            stack.append(nn.BatchNorm2d(outputs, _BATCH_NORM_EPSILON))
        inputs = outputs
    # 28 pixels are halved to 14, 7, 4, 2, and 32 to 16, 8, 4, 2.
    return nn.Sequential(*stack, nn.Flatten(), nn.Linear(128 * 2 * 2, 1), nn.Sigmoid())


def _initialise(module):
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class TorchPeer:
    """The common part: batches in random order, samples, and the state of a run.

    To a peer's advantage the data set lies in memory with the channels last, the optimizer is the
    fused one, and the generator's update takes no gradients of the discriminator's weights, which
    the originals compute and throw away.

    A peer sets the attributes below, builds its networks in ``build`` and trains in ``step``.

    Attributes:
        title: how figures name it.
        source: where its networks and hyper-parameters are published.
        batch_size, latent_dim, learning_rate, betas: as published.

    Args:
        images: uint8 array (n, side, side, channels).
        factor: what the published learning rates are multiplied by.
        seed: of the weights and the order.
    """

    latent_dim, learning_rate, betas = 100, 2e-4, (0.5, 0.999)

    def __init__(self, images, factor=1.0, seed=0):
        torch.manual_seed(seed)
        self.steps = 0
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        pixels = torch.from_numpy(np.moveaxis(images, 3, 1).astype(np.float32) / 127.5 - 1)
        layout = {"device": self.device, "memory_format": torch.channels_last}
        self.images = pixels.to(**layout)
        self.networks = [n.apply(_initialise).to(**layout) for n in self.build()]
        self.optimizers = [
            torch.optim.Adam(
                n.parameters(), lr=factor * self.learning_rate, betas=self.betas, fused=True
            )
            for n in self.networks
        ]
        self._loss = nn.BCELoss()

    def train(self, pause):
        """Trains until ``pause(steps)``, called after each step, returns True."""
        while True:
            order = torch.randperm(len(self.images), device=self.device)
            for indices in order.split(self.batch_size):
                self.step(self.images[indices])
                self.steps += 1
                if pause(self.steps):
                    return

    @torch.no_grad()
    def sample(self, num_images, seed=0):
        """Returns uint8 images (num_images, side, side, channels), drawn as while it trains.

        It never leaves the training mode: images are normalised by the statistics of their batch.
        """
        latents = np.random.default_rng(seed).normal(size=(num_images, self.latent_dim))
        latents = torch.from_numpy(latents.astype(np.float32)).to(self.device)
        statistics = [b.clone() for b in self.networks[0].buffers()]  # the pass would move them
        parts = [self.networks[0](z).cpu().numpy() for z in latents.split(self.batch_size)]
        for buffer, value in zip(self.networks[0].buffers(), statistics, strict=True):
            buffer.copy_(value)
        images = np.moveaxis(np.concatenate(parts), 1, 3)
        return np.rint(127.5 * (np.nan_to_num(images) + 1)).astype(np.uint8)

    def warm_up(self):
        """Does nothing: there is nothing to trace."""

    def synchronise(self):
        """Waits until the device has done all steps."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def save(self, folder):
        """Writes the state of the run."""
        parts = [part.state_dict() for part in (*self.networks, *self.optimizers)]
        torch.save({"parts": parts, "steps": self.steps}, folder / "state.pt")

    def restore(self, folder):
        """Takes a written state over."""
        state = torch.load(folder / "state.pt", weights_only=True)
        self.steps = state["steps"]
        for part, values in zip((*self.networks, *self.optimizers), state["parts"], strict=True):
            part.load_state_dict(values)


class PyTorchGAN(TorchPeer):
    """PyTorch-GAN's DCGAN at 28 pixels, which spares it arithmetic: its own default is 32.

    The generator starts from 7 × 7 instead of 8 × 8; all else is as published.
    """

    title = "PyTorch-GAN DCGAN"
    source = "https://github.com/eriklindernoren/PyTorch-GAN"
    batch_size = 64

    def build(self):
        """Returns the networks."""
        return _generator(self.latent_dim, 7), _discriminator()

    def step(self, real):
        """The generator first, then the discriminator on the same generated images."""
        (generator, discriminator), (g_optimizer, d_optimizer) = self.networks, self.optimizers
        ones = torch.ones(len(real), 1, device=self.device)
        zeros = torch.zeros_like(ones)
        discriminator.requires_grad_(False)
        fake = generator(torch.randn(len(real), self.latent_dim, device=self.device))
        g_optimizer.zero_grad()
        self._loss(discriminator(fake), ones).backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
        d_optimizer.zero_grad()
        on_real = self._loss(discriminator(real), ones)
        on_fake = self._loss(discriminator(fake.detach()), zeros)
        (0.5 * (on_real + on_fake)).backward()
        d_optimizer.step()


def _tutorial_generator(latent_dim, num_levels):
    """Transposed convolutions from a vector to 4 × 4, and then to twice that at each level."""
    filters = [64 * 2**k for k in reversed(range(num_levels))]
    stack = [nn.Unflatten(1, (latent_dim, 1, 1))]
    stack.append(nn.ConvTranspose2d(latent_dim, filters[0], 4, bias=False))
    for inputs, outputs in zip(filters, [*filters[1:], 3], strict=True):
        stack += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
        stack.append(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
    return nn.Sequential(*stack, nn.Tanh())


def _tutorial_discriminator(num_levels):
    """Convolutions that halve the side at each level, to 4 × 4, and one to a probability."""
    stack, inputs = [], 3
    for level in range(num_levels):
        outputs = 64 * 2**level
        stack.append(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
        stack += [nn.BatchNorm2d(outputs)] if level else []
        stack.append(nn.LeakyReLU(0.2, inplace=True))
        inputs = outputs
    stack += [nn.Conv2d(inputs, 1, 4, bias=False), nn.Flatten(), nn.Sigmoid()]
    return nn.Sequential(*stack)


class PyTorchTutorial(TorchPeer):
    """PyTorch's DCGAN tutorial with one doubling fewer: its own images have 64 × 64 pixels."""

    title = "PyTorch DCGAN tutorial"
    source = "https://docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html"
    batch_size, num_levels = 128, 3  # the tutorial has four

    def build(self):
        """Returns the networks."""
        generator = _tutorial_generator(self.latent_dim, self.num_levels)
        return generator, _tutorial_discriminator(self.num_levels)

    def step(self, real):
        """The discriminator on real and on generated images, then the generator."""
        (generator, discriminator), (g_optimizer, d_optimizer) = self.networks, self.optimizers
        ones = torch.ones(len(real), 1, device=self.device)
        zeros = torch.zeros_like(ones)
        fake = generator(torch.randn(len(real), self.latent_dim, device=self.device))
        d_optimizer.zero_grad()
        self._loss(discriminator(real), ones).backward()
        self._loss(discriminator(fake.detach()), zeros).backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        g_optimizer.zero_grad()
        self._loss(discriminator(fake), ones).backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)
