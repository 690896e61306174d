"""The checks of assignment 3. Expected values come from differences of the losses and from playing."""

import numpy as np
from scipy import optimize, special

from course.grader.checks import check, close, that

TWISTS = ("extragradient", "optimistic", "momentum", "several", "average")
MODULES = ("numpy", "scipy.special", "scipy.linalg")
FUNCTIONS = {
    "q1": ["field"],
    "q2": ["step_matrix"],
    "q3": ["factor"],
    "q4": ["largest_step"],
    "q5": ["play"],
    "q6": ["method_matrix"],
}


def personal(student_id):
    """The prediction: parameters, the right number, and how far off it may be."""
    words = sum((k + 1) * ord(letter) for k, letter in enumerate(student_id))
    step = 0.05 + 0.0003 * (words % 499)
    number = np.exp(50 * np.log1p(step**2))
    return {"my_step": step}, number, 2e-3 * number


def slope(loss, at):
    """A derivative by differences of fourth order."""
    h = 1e-3
    near, far = loss(at + h) - loss(at - h), loss(at + 2 * h) - loss(at - 2 * h)
    return (8 * near - far) / (12 * h)


def velocity(w, kind, gamma):
    """The field from the losses alone."""
    theta, psi = w
    fool = (
        (lambda t: special.log_expit(-psi * t))
        if kind == "minimax"
        else (lambda t: -special.log_expit(psi * t))
    )
    tell = lambda s: -special.log_expit(-s * theta) + gamma / 2 * s**2
    return np.array([-slope(fool, theta), -slope(tell, psi)])


def linear(w, a, gamma):
    """The field near the solution."""
    return np.array([a * w[1], -a * w[0] - gamma * w[1]])


def numbers(rng):
    """A step, a slope and a weight, none small and no two alike."""
    return (
        rng.uniform(0.05, 0.3),
        rng.choice([0.5, 1.5, 2]) * rng.uniform(0.9, 1.1),
        rng.uniform(0.2, 0.8),
    )


def of_step(step, size):
    """The matrix of a linear function that is given as a function."""
    return np.stack([step(column) for column in np.eye(size)], axis=1)


@check("q1", 1, visible=True)
def on_the_axes(ask, rng):
    """on the axes, without penalty"""
    close(ask("field", np.array([1.0, 0.0]), "minimax", 0.0, shape=(2,)), [0, -0.5], "the field")
    close(ask("field", np.array([0.0, 1.0]), "minimax", 0.0, shape=(2,)), [0.5, 0], "the field")


@check("q1", 1)
def field_of_minimax(ask, rng):
    """minimax: minus the slopes of the losses"""
    for _ in range(8):
        w, gamma = rng.choice([-1, 1], 2) * rng.uniform(0.7, 2, 2), rng.uniform(0.2, 1)
        answer = ask("field", w, "minimax", gamma, shape=(2,))
        close(answer, velocity(w, "minimax", gamma), "the field")


@check("q1", 1)
def field_of_non_saturating(ask, rng):
    """non-saturating: minus the slopes of the losses"""
    for _ in range(8):
        w, gamma = rng.choice([-1, 1], 2) * rng.uniform(0.7, 2, 2), rng.uniform(0.2, 1)
        answer = ask("field", w, "non_saturating", gamma, shape=(2,))
        close(answer, velocity(w, "non_saturating", gamma), "the field")


@check("q2", 1, visible=True)
def plain_matrix(ask, rng):
    """simultaneous, without penalty; alternating: a matrix of the same shape"""
    answer = ask("step_matrix", "simultaneous", 0.1, 1.0, 0.0, shape=(2, 2))
    close(answer, [[1, 0.1], [-0.1, 1]], "the matrix")
    ask("step_matrix", "alternating", 0.1, 1.0, 0.5, shape=(2, 2))


@check("q2", 1)
def simultaneous_matrix(ask, rng):
    """simultaneous, with penalty: what becomes of unit vectors"""
    for _ in range(8):
        h, a, gamma = numbers(rng)
        expected = of_step(lambda w: w + h * linear(w, a, gamma), 2)
        close(ask("step_matrix", "simultaneous", h, a, gamma, shape=(2, 2)), expected, "the matrix")


def alternate(w, h, a, gamma):
    """The discriminator's move, and then the generator's."""
    w = np.array([w[0], w[1] + h * linear(w, a, gamma)[1]])
    return np.array([w[0] + h * linear(w, a, gamma)[0], w[1]])


@check("q2", 2)
def alternating_matrix(ask, rng):
    """alternating: what becomes of unit vectors"""
    for _ in range(8):
        h, a, gamma = numbers(rng)
        expected = of_step(lambda w: alternate(w, h, a, gamma), 2)
        close(ask("step_matrix", "alternating", h, a, gamma, shape=(2, 2)), expected, "the matrix")


@check("q3", 1, visible=True)
def diagonal(ask, rng):
    """a diagonal matrix"""
    close(ask("factor", np.diag([0.5, 0.25])), 0.5, "the factor")


@check("q3", 1)
def known_eigenvalues(ask, rng):
    """matrices made from known eigenvalues, complex and negative ones too"""
    for k in range(8):
        radius, angle = rng.uniform(0.8, 1.5), rng.uniform(0.5, 2.5)
        turn = radius * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.zeros((3, 3))
        if k % 2:
            matrix[:2, :2], matrix[2, 2] = turn, radius * 0.5
        else:
            matrix[:2, :2], matrix[2, 2] = turn * 0.5, -radius
        basis = np.linalg.qr(rng.normal(size=(3, 3)))[0] @ np.diag([1, 2, 0.5])
        close(ask("factor", basis @ matrix @ np.linalg.inv(basis)), radius, "the factor")


@check("q4", 1, visible=True)
def weak_penalty_known(ask, rng):
    """a = 1, γ = 0.5, simultaneous: 0.5; in the other cases a positive number"""
    close(ask("largest_step", "simultaneous", 1.0, 0.5), 0.5, "the step")
    for order, gamma in (("simultaneous", 3.0), ("alternating", 0.5), ("alternating", 3.0)):
        that(ask("largest_step", order, 1.0, gamma) > 0, "the step is not positive")


def limit(step, a, gamma):
    """The step at which the largest multiplier crosses 1, by bisection on the matrix itself."""
    excess = lambda h: np.abs(np.linalg.eigvals(of_step(lambda w: step(w, h), 2))).max() - 1
    return optimize.brentq(excess, 1e-3, 20 / min(a, gamma), xtol=1e-10)


def slopes(rng):
    """Nine slopes, of which the smallest have limits far above 2."""
    return np.repeat([1.5, 0.5, 0.1], 3) * rng.uniform(0.9, 1.1, 9)


@check("q4", 1)
def simultaneous_limit(ask, rng):
    """simultaneous steps, weak and strong penalties, limits of all sizes"""
    for k, a in enumerate(slopes(rng)):
        gamma = a * rng.uniform(*((0.4, 0.9), (1.2, 1.8), (2.3, 4))[k % 3])
        expected = limit(lambda w, h: w + h * linear(w, a, gamma), a, gamma)
        close(ask("largest_step", "simultaneous", a, gamma), expected, "the step")


@check("q4", 1)
def alternating_limit(ask, rng):
    """alternating steps, weak and strong penalties, limits of all sizes"""
    for k, a in enumerate(slopes(rng)):
        gamma = a * rng.uniform(*((0.4, 0.9), (1.2, 1.8), (2.3, 4))[k % 3])
        expected = limit(lambda w, h: alternate(w, h, a, gamma), a, gamma)
        close(ask("largest_step", "alternating", a, gamma), expected, "the step")


@check("q5", 1, visible=True)
def first_step(ask, rng):
    """three steps from (1, 0) in both orders: their number and the first"""
    start = np.array([1.0, 0.0])
    answer = ask("play", "simultaneous", start, 3, 0.1, "minimax", 0.0, shape=(4, 2))
    close(answer[:2], [[1, 0], [1, -0.05]], "a state")
    answer = ask("play", "alternating", start, 3, 0.1, "minimax", 0.0, shape=(4, 2))
    close(answer[:2, 1], [0, -0.05], "a state")


@check("q5", 1)
def both_orders(ask, rng):
    """both orders in the field itself, from near and from far, from floats and from integers"""
    for k in range(12):
        size = (rng.uniform(0.8, 2, 2), rng.uniform(4, 8, 2), rng.integers(1, 7, 2))[k // 4]
        start, h, gamma = (
            rng.choice([-1, 1], 2) * size,
            rng.uniform(0.1, 0.3),
            rng.uniform(0.1, 0.5),
        )
        kind = ("minimax", "non_saturating")[k // 2 % 2]
        states = [start.astype(float)]
        for _ in range(6):
            w = states[-1]
            move = h * velocity(w, kind, gamma)
            if k % 2:
                w = np.array([w[0], w[1] + move[1]])
                move = np.array([h * velocity(w, kind, gamma)[0], 0])
            states.append(w + move)
        order = ("simultaneous", "alternating")[k % 2]
        close(ask("play", order, start, 6, h, kind, gamma, shape=(7, 2)), states, "a state")


# --- the variants: a step as it is described, on two states or one ---------------------------------


def extragradient(w, h, a, gamma):
    return w + h * linear(w + h * linear(w, a, gamma), a, gamma)


def optimistic(state, h, a, gamma):
    now, before = state[:2], state[2:]
    return np.concatenate([now + 2 * h * linear(now, a, gamma) - h * linear(before, a, gamma), now])


def momentum(state, h, a, gamma, beta):
    now, before = state[:2], state[2:]
    return np.concatenate([now + h * linear(now, a, gamma) + beta * (now - before), now])


def several(w, h, a, gamma, k):
    theta, psi = w
    for _ in range(k):
        psi = psi + h * (-a * theta - gamma * psi)
    return np.array([theta + h * a * psi, psi])


def average(state, h, a, gamma, beta):
    new = state[:2] + h * linear(state[:2], a, gamma)
    return np.concatenate([new, beta * state[2:] + (1 - beta) * new])


METHODS = {
    "extragradient": (extragradient, 2, lambda rng: (), ()),
    "optimistic": (optimistic, 4, lambda rng: (), ()),
    "momentum": (momentum, 4, lambda rng: (rng.choice([-1, 1]) * rng.uniform(0.2, 0.6),), (0.5,)),
    "several": (several, 2, lambda rng: (int(rng.integers(3, 6)),), (2,)),
    "average": (average, 4, lambda rng: (rng.uniform(0.6, 0.9),), (0.5,)),
}


def of_variant(twist):
    """Makes the three checks of a variant."""
    step, size, draw, example = METHODS[twist]

    def variant_example(ask, rng):
        """without penalty: what becomes of θ = 1"""
        answer = ask("method_matrix", 0.1, 1.0, 0.0, *example, shape=(size, size))
        close(answer[:, 0], step(np.eye(size)[0], 0.1, 1.0, 0.0, *example), "the first column")

    def variant_matrix(ask, rng):
        """with penalty: what becomes of unit vectors"""
        for _ in range(8):
            h, a, gamma = numbers(rng)
            more = draw(rng)
            expected = of_step(lambda w: step(w, h, a, gamma, *more), size)
            answer = ask("method_matrix", h, a, gamma, *more, shape=(size, size))
            close(answer, expected, "the matrix")

    return (
        check("q6", 1, visible=True, twist=twist)(variant_example),
        check("q6", 3, twist=twist)(variant_matrix),
    )


extragradient_example, extragradient_matrix = of_variant("extragradient")
optimistic_example, optimistic_matrix = of_variant("optimistic")
momentum_example, momentum_matrix = of_variant("momentum")
several_example, several_matrix = of_variant("several")
average_example, average_matrix = of_variant("average")
