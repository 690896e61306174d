"""The grader: a student's definitions run behind a fence, and a judge compares what they return.

This package needs NumPy alone (and the assignments' checks SciPy): it travels into containers.
"""
