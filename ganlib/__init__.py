"""ganlib: the small library of the book *GANs by Experiment*.

Every module can be read in a sitting. A loss sees logits, a penalty sees a discriminator, a metric
sees features; whatever takes real and fake takes them in that order.
"""

__version__ = "0.2.0"
