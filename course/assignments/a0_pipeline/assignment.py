# %% [markdown]
# # Assignment 0: the pipeline works
#
# Before anything is hard, try the way in and out once: write one function, run the checks, hand in, read what comes
# back. The 2 points do not enter your grade. About half an hour (an estimate), and more of it goes into handing in than
# into the function.
#
# The function is a real one all the same. A critic is shown a batch of real images and a batch of generated ones, and
# gives each image a number. The mean number of the real ones minus the mean number of the generated ones says how far
# apart the critic finds the two batches. [[def-discriminator]] calls such numbers *logits*.
# %% given
import numpy as np

# %% answer q1
student_id = "0000000"  # yours, in quotation marks


def gap(real, fake):
    """Returns the mean of the real logits minus the mean of the generated ones.

    Args:
        real: array of shape (n,).
        fake: array of shape (m,). Note that m may differ from n.

    Returns:
        One number.
    """
    # BEGIN SOLUTION
    return np.mean(real) - np.mean(fake)
    # END SOLUTION


# %% check q1
assert abs(gap(np.array([1.0, 3.0]), np.array([0.5, 0.5])) - 1.5) < 1e-9, (
    "means 2 and 0.5: the gap is 1.5"
)
