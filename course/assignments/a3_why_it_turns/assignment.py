# %% [markdown]
# # Assignment 3: why it turns
#
# Two players who follow their gradients at the same time circle, spiral in, or run away. On a GAN with two numbers all
# of this can be computed. Read [[04_training_dynamics]] first. About 5 hours (an estimate).
#
# The generator makes the single point $\theta$, the data are the single point 0, and the discriminator is
# $\ell(x) = \psi x$. A state is $w = (\theta, \psi)$, the generator's number first.
# %% given
import numpy as np
from scipy import special

# %% answer q1
student_id = "0000000"  # yours, in quotation marks


# %% [markdown]
# ## 1. The field
#
# The discriminator minimises its cross-entropy plus $\frac\gamma2 \psi^2$ (which is R1 here), the generator its minimax or
# its non-saturating loss. In continuous time both go down their own loss, each with the *other* held still:
# $\dot\theta = -\partial L_G / \partial\theta$ and $\dot\psi = -\partial L_D / \partial\psi$. The classical loss has
# $L_D = \zeta(0) + \zeta(\psi\theta) + \frac\gamma2\psi^2$ with the softplus function $\zeta$.
# %% answer q1
def field(w, kind, gamma):
    """Returns the velocity of both players.

    Args:
        w: array of shape (2,): theta and psi.
        kind: "minimax", with L_G = -softplus(psi theta), or "non_saturating", with softplus(-psi theta).
        gamma: the weight of R1.

    Returns:
        Array of shape (2,): the velocities of theta and of psi, in this order.
    """
    # BEGIN SOLUTION
    theta, psi = w
    pull = special.expit(psi * theta if kind == "minimax" else -psi * theta)
    return np.array([psi * pull, -theta * special.expit(psi * theta) - gamma * psi])
    # END SOLUTION


# %% check q1
assert np.allclose(field(np.array([1.0, 0.0]), "minimax", 0.0), [0, -0.5]), (
    "psi = 0: only the discriminator moves"
)
assert np.allclose(field(np.array([0.0, 1.0]), "minimax", 0.0), [0.5, 0]), (
    "theta = 0: only the generator moves"
)


# %% [markdown]
# ## 2. A step is a matrix
#
# Near the solution the field is $F(w) = (a\psi,\; -a\theta - \gamma\psi)$. A step of size $h$ is then a matrix that acts on
# $(\theta, \psi)$. With *simultaneous* steps both players move from the same state. With *alternating* steps the
# discriminator moves first, and the generator sees the new $\psi$, see [[thm-bilinear]] (there $\gamma = 0$).
# %% answer q2
def step_matrix(order, h, a, gamma):
    """Returns the matrix of a step.

    Args:
        order: "simultaneous" or "alternating".
        h: the step size of both players.
        a, gamma: of the field.

    Returns:
        Array of shape (2, 2).
    """
    # BEGIN SOLUTION
    discriminator = np.array([[1.0, 0.0], [-h * a, 1 - h * gamma]])
    if order == "simultaneous":
        return np.array([[1.0, h * a], discriminator[1]])
    return np.array([[1.0, h * a], [0.0, 1.0]]) @ discriminator
    # END SOLUTION


# %% check q2
_matrix = step_matrix("simultaneous", 0.1, 1.0, 0.0)
assert np.allclose(_matrix, [[1, 0.1], [-0.1, 1]]), "no penalty, a = 1, h = 0.1"
assert np.shape(step_matrix("alternating", 0.1, 1.0, 0.5)) == (2, 2), "alternating: a matrix too"


# %% [markdown]
# ## 3. How fast it grows
#
# In the long run a matrix multiplies lengths by the modulus of its largest eigenvalue at each step.
# %% answer q3
def factor(matrix):
    """Returns the largest modulus of an eigenvalue.

    Args:
        matrix: array of shape (n, n), real.

    Returns:
        One number.
    """
    # BEGIN SOLUTION
    return np.abs(np.linalg.eigvals(matrix)).max()
    # END SOLUTION


# %% check q3
assert abs(factor(np.array([[0.5, 0.0], [0.0, 0.25]])) - 0.5) < 1e-9, (
    "a diagonal matrix: its largest entry"
)


# %% [markdown]
# ## 4. The largest step
#
# Below some step size the players approach the solution; above it they leave it. [[thm-largest-step]] says where that
# is. The penalty may be strong: mind the case $\gamma \ge 2a$.
# %% answer q4
def largest_step(order, a, gamma):
    """Returns the positive step size at which the largest modulus of a multiplier is 1.

    Args:
        order: "simultaneous" or "alternating".
        a, gamma: positive numbers.

    Returns:
        One number, exact to 1e-6.
    """
    # BEGIN SOLUTION
    if order == "alternating":
        return (np.sqrt(gamma**2 + 4 * a**2) - gamma) / a**2
    if gamma < 2 * a:
        return gamma / a**2
    return 4 / (gamma + np.sqrt(gamma**2 - 4 * a**2))
    # END SOLUTION


# %% check q4
assert abs(largest_step("simultaneous", 1.0, 0.5) - 0.5) < 1e-6, (
    "a = 1, gamma = 0.5, simultaneous: 0.5"
)
for _order, _gamma in (("simultaneous", 3.0), ("alternating", 0.5), ("alternating", 3.0)):
    assert 0 < largest_step(_order, 1.0, _gamma) < np.inf, "one positive number in each case"


# %% [markdown]
# ## 5. Play
#
# Let the two play with the *field of part 1*, not with its matrix: start at `start` and make `steps` steps. For the
# alternating order the discriminator moves first.
# %% answer q5
def play(order, start, steps, h, kind, gamma):
    """Returns all states.

    Args:
        order: "simultaneous" or "alternating".
        start: array of shape (2,), of floats or of integers, near the solution or far from it.
        steps: how many steps.
        h, kind, gamma: the step size, and what `field` takes.

    Returns:
        Array of floats of shape (steps + 1, 2); the first row is the start.
    """
    # BEGIN SOLUTION
    states = [np.array(start, float)]
    for _ in range(steps):
        w = states[-1]
        if order == "simultaneous":
            states.append(w + h * field(w, kind, gamma))
        else:
            moved = np.array([w[0], w[1] + h * field(w, kind, gamma)[1]])
            moved[0] += h * field(moved, kind, gamma)[0]
            states.append(moved)
    return np.array(states)
    # END SOLUTION


# %% check q5
_path = play("simultaneous", np.array([1.0, 0.0]), 3, 0.1, "minimax", 0.0)
assert np.shape(_path) == (4, 2), "the start and three states"
assert np.allclose(_path[1], [1, -0.05]), "the first step from (1, 0)"
_path = play("alternating", np.array([1.0, 0.0]), 3, 0.1, "minimax", 0.0)
assert np.shape(_path) == (4, 2), "alternating: the start and three states too"
assert np.allclose(_path[:2, 1], [0, -0.05]), "psi moves first, from 0 to -0.05"


# %% [markdown] twist=extragradient
# ## 6. Look ahead
#
# The extragradient method takes a trial step and then uses the field found there, see [[ex-dynamics-extragradient]].
# Both players move simultaneously, in the linear field of part 2, and the step size is $h$ both times.
# %% answer q6 twist=extragradient
def method_matrix(h, a, gamma):
    """Returns the matrix of a step of the extragradient method.

    Args:
        h: the step size, of the trial step too.
        a, gamma: of the field.

    Returns:
        Array of shape (2, 2).
    """
    # BEGIN SOLUTION
    jacobian = np.array([[0.0, a], [-a, -gamma]])
    return np.eye(2) + h * jacobian @ (np.eye(2) + h * jacobian)
    # END SOLUTION


# %% check q6 twist=extragradient
assert np.allclose(method_matrix(0.1, 1.0, 0.0), [[0.99, 0.1], [-0.1, 0.99]]), (
    "no penalty, a = 1, h = 0.1"
)


# %% [markdown] twist=optimistic
# ## 6. Optimism
#
# The optimistic method uses twice the field of now minus the field of the step before:
# $w_{k+1} = w_k + 2h F(w_k) - h F(w_{k-1})$, both players simultaneously, in the linear field of part 2. Its step is a
# matrix on the four numbers $(w_k, w_{k-1})$: it returns $(w_{k+1}, w_k)$.
# %% answer q6 twist=optimistic
def method_matrix(h, a, gamma):
    """Returns the matrix of a step of the optimistic method.

    Args:
        h: the step size.
        a, gamma: of the field.

    Returns:
        Array of shape (4, 4).
    """
    # BEGIN SOLUTION
    jacobian = np.array([[0.0, a], [-a, -gamma]])
    return np.block([[np.eye(2) + 2 * h * jacobian, -h * jacobian], [np.eye(2), np.zeros((2, 2))]])
    # END SOLUTION


# %% check q6 twist=optimistic
assert np.shape(method_matrix(0.1, 1.0, 0.0)) == (4, 4), "it acts on two states"
assert np.allclose(method_matrix(0.1, 1.0, 0.0)[:, 0], [1, -0.2, 1, 0]), "what becomes of theta = 1"


# %% [markdown] twist=momentum
# ## 6. Momentum
#
# With heavy-ball momentum $\beta$ each player adds $\beta$ times its last move:
# $w_{k+1} = w_k + hF(w_k) + \beta (w_k - w_{k-1})$, both simultaneously, in the linear field of part 2. Its step is a
# matrix on the four numbers $(w_k, w_{k-1})$: it returns $(w_{k+1}, w_k)$.
# %% answer q6 twist=momentum
def method_matrix(h, a, gamma, beta):
    """Returns the matrix of a step with momentum.

    Args:
        h: the step size.
        a, gamma: of the field.
        beta: the momentum, which may be negative.

    Returns:
        Array of shape (4, 4).
    """
    # BEGIN SOLUTION
    step = np.array([[1.0, h * a], [-h * a, 1 - h * gamma]])
    return np.block([[step + beta * np.eye(2), -beta * np.eye(2)], [np.eye(2), np.zeros((2, 2))]])
    # END SOLUTION


# %% check q6 twist=momentum
assert np.shape(method_matrix(0.1, 1.0, 0.0, 0.5)) == (4, 4), "it acts on two states"
assert np.allclose(method_matrix(0.1, 1.0, 0.0, 0.5)[:, 0], [1.5, -0.1, 1, 0]), (
    "what becomes of theta = 1"
)


# %% [markdown] twist=several
# ## 6. Several steps of the discriminator
#
# Let the discriminator make $k$ steps of size $h$ while the generator stands still, and then the generator one step,
# in the linear field of part 2; see [[ex-dynamics-several]].
# %% answer q6 twist=several
def method_matrix(h, a, gamma, k):
    """Returns the matrix of a round: k steps of the discriminator, then one of the generator.

    Args:
        h: the step size of both players.
        a, gamma: of the field.
        k: how many steps the discriminator makes, an integer.

    Returns:
        Array of shape (2, 2).
    """
    # BEGIN SOLUTION
    discriminator = np.array([[1.0, 0.0], [-h * a, 1 - h * gamma]])
    generator = np.array([[1.0, h * a], [0.0, 1.0]])
    return generator @ np.linalg.matrix_power(discriminator, k)
    # END SOLUTION


# %% check q6 twist=several
assert np.allclose(method_matrix(0.1, 1.0, 0.0, 2), [[0.98, 0.1], [-0.2, 1]]), (
    "no penalty, a = 1, h = 0.1, k = 2"
)


# %% [markdown] twist=average
# ## 6. The average
#
# While the players make simultaneous steps in the linear field of part 2, an average of the states is kept: after each
# step $\bar w \leftarrow \beta \bar w + (1 - \beta) w$ with the *new* $w$. State and average together are four numbers,
# $(w, \bar w)$, and a step is a matrix on them.
# %% answer q6 twist=average
def method_matrix(h, a, gamma, beta):
    """Returns the matrix of a step of the state and its average.

    Args:
        h: the step size.
        a, gamma: of the field.
        beta: the weight of the old average.

    Returns:
        Array of shape (4, 4).
    """
    # BEGIN SOLUTION
    step = np.array([[1.0, h * a], [-h * a, 1 - h * gamma]])
    return np.block([[step, np.zeros((2, 2))], [(1 - beta) * step, beta * np.eye(2)]])
    # END SOLUTION


# %% check q6 twist=average
assert np.shape(method_matrix(0.1, 1.0, 0.0, 0.5)) == (4, 4), (
    "it acts on the state and on the average"
)
assert np.allclose(method_matrix(0.1, 1.0, 0.0, 0.5)[:, 0], [1, -0.1, 0.5, -0.05]), (
    "what becomes of theta = 1"
)
# %% [markdown]
# ## Predict, run, explain
#
# In the linear field with $a = 1$ and without penalty the players make 100 simultaneous steps of the size `my_step`,
# which depends on your `student_id`. By what factor does their distance from the solution grow? First write a guess as
# `predicted`. Then compute the factor with your functions and type it as `measured`, with four significant digits. Explain
# in three lines in the last text cell: why does it grow at all, and what would alternating steps do?
# %% given
my_step = 0.05 + 0.0003 * (sum((k + 1) * ord(c) for k, c in enumerate(student_id)) % 499)
# %% answer predict
# BEGIN SOLUTION
# instead: predicted = None  # a number, guessed before you compute
# instead: measured = None  # a number, computed
predicted = 1.5
measured = 3.219
# END SOLUTION
# %% [markdown] explanation
# *Your explanation:*
