"""A folder's pictures as batches by PyTorch's DataLoader, a worker for each processor."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class _Pictures(Dataset):
    def __init__(self, folder):
        self._files = sorted(map(str, Path(folder).rglob("*.png")))

    def __len__(self):
        return len(self._files)

    def __getitem__(self, index):
        with Image.open(self._files[index]) as picture:
            pixels = torch.from_numpy(np.array(picture.convert("RGB")))
        return pixels.permute(2, 0, 1).to(torch.float32) / 127.5 - 1.0


class TorchFolder:
    """The usual loader, which decodes in each epoch.

    Args:
        folder: of the pictures.
        batch_size: of a batch.
        scratch: unused, as it keeps nothing.
    """

    def __init__(self, folder, batch_size, scratch):
        del scratch
        self._folder, self._batch_size, self._loader = folder, batch_size, None

    def epoch(self):
        """Makes the batches of one epoch; returns the mean of all values."""
        if self._loader is None:
            self._loader = DataLoader(
                _Pictures(self._folder),
                self._batch_size,
                shuffle=True,
                num_workers=os.cpu_count(),
                drop_last=True,
                persistent_workers=True,
            )
        means = [batch.mean().item() for batch in self._loader]
        return sum(means) / len(means)
