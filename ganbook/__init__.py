"""ganbook: what only the book *GANs by Experiment* needs, beside `ganlib` in the same wheel.

Its arms, widgets, films and figures change with the book. `ganlib` does not import it.
"""
