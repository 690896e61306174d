"""Pictures with controls, for a notebook: a trainer in the plane and an explorer of latents.

Both are objects that a cell shows as its last expression, on ipywidgets 7.7 (Colab) and 8
(JupyterLab). All that a control does can be done from Python too. A page without a kernel, where no
control would work, can show the picture alone.

Nothing here blocks the kernel: the trainer works in a thread of its own, in short bursts, and other
cells run meanwhile (they share the processor). The notebook's own stop button reaches the main
thread only; *Pause* stops the trainer. The thread ends with the kernel.
"""

from ganbook.widgets._explorer import LatentExplorer, latent_explorer, principal_directions
from ganbook.widgets._trainer import ToyTrainer, generator_push, toy_trainer

__all__ = [
    "LatentExplorer",
    "ToyTrainer",
    "generator_push",
    "latent_explorer",
    "principal_directions",
    "toy_trainer",
]
