"""Wrong and right submissions to assignment 3; bands are of 18 points."""

from course.rehearsal import Wrong

FIELD = "return np.array([psi * pull, -theta * special.expit(psi * theta) - gamma * psi])"
PULL = 'pull = special.expit(psi * theta if kind == "minimax" else -psi * theta)'
MATRIX = "return np.array([[1.0, h * a], [0.0, 1.0]]) @ discriminator"
FACTOR = "return np.abs(np.linalg.eigvals(matrix)).max()"
STRONG = "return 4 / (gamma + np.sqrt(gamma**2 - 4 * a**2))"
ALTERNATING = "return (np.sqrt(gamma**2 + 4 * a**2) - gamma) / a**2"
FIRST = "moved = np.array([w[0], w[1] + h * field(w, kind, gamma)[1]])"
MOVED = "moved[0] += h * field(moved, kind, gamma)[0]"

WRONG = [
    Wrong("no penalty", FIELD, FIELD.replace(" - gamma * psi", ""), (15, 15)),
    Wrong("penalty with the wrong sign", FIELD, FIELD.replace("- gamma", "+ gamma"), (15, 15)),
    Wrong("penalty not halved", FIELD, FIELD.replace("gamma * psi", "2 * gamma * psi"), (15, 15)),
    Wrong("penalty halved", FIELD, FIELD.replace("gamma * psi", "gamma * psi / 2"), (15, 15)),
    Wrong(
        "the kind changes both players",
        FIELD,
        FIELD.replace("special.expit(psi * theta)", "pull"),
        (16, 16),
    ),
    Wrong("both kinds are minimax", PULL, "pull = special.expit(psi * theta)", (16, 16)),
    Wrong("kinds exchanged", PULL, PULL.replace('"minimax"', '"non_saturating"'), (15, 15)),
    Wrong("linear field", FIELD, "return np.array([psi / 2, -theta / 2 - gamma * psi])", (15, 15)),
    Wrong("both go up", FIELD, FIELD.replace("np.array", "-np.array"), (13, 13)),
    Wrong(
        "simultaneous for alternating",
        MATRIX,
        "return np.array([[1.0, h * a], discriminator[1]])",
        (16, 16),
    ),
    Wrong(
        "generator first",
        MATRIX,
        "return discriminator @ np.array([[1.0, h * a], [0.0, 1.0]])",
        (16, 16),
    ),
    Wrong(
        "h squared lost",
        MATRIX,
        "return np.array([[1.0, h * a], [-h * a, 1 - h * gamma]]) + 0 * discriminator",
        (16, 16),
    ),
    Wrong(
        "penalty in one corner",
        MATRIX,
        "return np.array([[1 - (h * a) ** 2, h * a], discriminator[1]])",
        (16, 16),
    ),
    Wrong(
        "penalty without step",
        "[-h * a, 1 - h * gamma]])\n    if",
        "[-h * a, 1 - gamma]])\n    if",
        (15, 15),
    ),
    Wrong(
        "acts on (psi, theta)",
        '    if order == "simultaneous":\n        return np.array([[1.0, h * a], discriminator[1]])',
        '    if order == "simultaneous":\n        return np.array([[1.0, h * a], discriminator[1]])[::-1, ::-1]',
        (16, 16),
    ),
    Wrong(
        "real part for modulus", FACTOR, "return np.real(np.linalg.eigvals(matrix)).max()", (17, 17)
    ),
    Wrong("determinant", FACTOR, "return np.sqrt(abs(np.linalg.det(matrix)))", (16, 16)),
    Wrong("no modulus", FACTOR, "return np.linalg.eigvals(matrix).max()", (17, 17)),
    Wrong(
        "taken for symmetric", FACTOR, "return np.abs(np.linalg.eigvalsh(matrix)).max()", (17, 17)
    ),
    Wrong("norm", FACTOR, "return np.linalg.norm(matrix, 2)", (17, 17)),
    Wrong(
        "eigenvalue of the largest real part",
        FACTOR,
        "values = np.linalg.eigvals(matrix)\n    return abs(values[np.argmax(values.real)])",
        (17, 17),
    ),
    Wrong(
        "strong penalty forgotten",
        "    if gamma < 2 * a:\n        return gamma / a**2\n    return 4 / (gamma + np.sqrt(gamma**2 - 4 * a**2))",
        "    return gamma / a**2",
        (17, 17),
    ),
    Wrong(
        "weak penalty forgotten",
        "    if gamma < 2 * a:\n        return gamma / a**2\n",
        "",
        (16, 16),
    ),
    Wrong("border at a", "if gamma < 2 * a:", "if gamma < a:", (17, 17)),
    Wrong("border at 4a", "if gamma < 2 * a:", "if gamma < 4 * a:", (17, 17)),
    Wrong("the other eigenvalue", STRONG, STRONG.replace("(gamma +", "(gamma -"), (17, 17)),
    Wrong("looks below 2 only", "return gamma / a**2", "return min(2.0, gamma / a**2)", (17, 17)),
    Wrong(
        "looks below 2 in turns",
        ALTERNATING,
        ALTERNATING.replace("return ", "return min(2.0, ") + ")",
        (17, 17),
    ),
    Wrong("a not squared", "return gamma / a**2", "return gamma / a", (17, 17)),
    Wrong(
        "one limit for both orders",
        "return (np.sqrt(gamma**2 + 4 * a**2) - gamma) / a**2",
        "return gamma / a**2 + 0",
        (17, 17),
    ),
    Wrong(
        "alternating without penalty",
        "return (np.sqrt(gamma**2 + 4 * a**2) - gamma) / a**2",
        "return 2 / a",
        (17, 17),
    ),
    Wrong(
        "plays simultaneously always", MOVED, "moved[0] += h * field(w, kind, gamma)[0]", (17, 17)
    ),
    Wrong(
        "generator moves twice",
        MOVED,
        MOVED + "\n            moved[0] += h * field(moved, kind, gamma)[0]",
        (17, 17),
    ),
    Wrong(
        "generator moves first",
        f"{FIRST}\n            {MOVED}",
        """moved = np.array([w[0] + h * field(w, kind, gamma)[0], w[1]])
            moved[1] += h * field(moved, kind, gamma)[1]""",
        (17, 17),
    ),
    Wrong(
        "integers stay integers",
        "w = states[-1]",
        "w = states[-1].astype(np.asarray(start).dtype)",
        (17, 17),
    ),
    Wrong(
        "start left out",
        "states = [np.array(start, float)]",
        "states = [start + h * field(start, kind, gamma)]",
        (16, 16),
    ),
    # the variants
    Wrong(
        "plain step", "jacobian @ (np.eye(2) + h * jacobian)", "jacobian", (14, 14), "extragradient"
    ),
    Wrong(
        "trial step kept",
        "return np.eye(2) + h * jacobian @ (np.eye(2) + h * jacobian)",
        "return (np.eye(2) + h * jacobian) @ (np.eye(2) + h * jacobian)",
        (14, 14),
        "extragradient",
    ),
    Wrong(
        "penalty forgotten",
        "jacobian = np.array([[0.0, a], [-a, -gamma]])\n    return np.eye(2)",
        "jacobian = np.array([[0.0, a], [-a, 0]])\n    return np.eye(2)",
        (15, 15),
        "extragradient",
    ),
    Wrong("plus the field before", "-h * jacobian]", "h * jacobian]", (15, 15), "optimistic"),
    Wrong(
        "once the field",
        "np.eye(2) + 2 * h * jacobian",
        "np.eye(2) + h * jacobian",
        (14, 14),
        "optimistic",
    ),
    Wrong(
        "forgets the state before",
        "[np.eye(2), np.zeros((2, 2))]",
        "[np.zeros((2, 2)), np.eye(2)]",
        (14, 14),
        "optimistic",
    ),
    Wrong("plus the state before", "-beta * np.eye(2)]", "beta * np.eye(2)]", (15, 15), "momentum"),
    Wrong(
        "momentum of psi alone",
        "-beta * np.eye(2)]",
        "-beta * np.diag([0, 1])]",
        (15, 15),
        "momentum",
    ),
    Wrong(
        "penalty damps the last move",
        "-beta * np.eye(2)]",
        "-beta * np.diag([1, 1 - h * gamma])]",
        (15, 15),
        "momentum",
    ),
    Wrong(
        "momentum scales the step",
        "step + beta * np.eye(2)",
        "step * (1 + beta)",
        (14, 14),
        "momentum",
    ),
    Wrong(
        "one longer step",
        "return generator @ np.linalg.matrix_power(discriminator, k)",
        "return generator @ np.array([[1.0, 0.0], [-k * h * a, 1 - k * h * gamma]])",
        (15, 15),
        "several",
    ),
    Wrong(
        "k steps of both",
        "return generator @ np.linalg.matrix_power(discriminator, k)",
        "return np.linalg.matrix_power(generator @ discriminator, k)",
        (14, 14),
        "several",
    ),
    Wrong(
        "generator moves first",
        "return generator @ np.linalg.matrix_power(discriminator, k)",
        "return np.linalg.matrix_power(discriminator, k) @ generator",
        (14, 14),
        "several",
    ),
    Wrong(
        "averages the old state",
        "(1 - beta) * step, beta",
        "(1 - beta) * np.eye(2), beta",
        (14, 14),
        "average",
    ),
    Wrong(
        "shares exchanged",
        "[(1 - beta) * step, beta * np.eye(2)]",
        "[beta * step, (1 - beta) * np.eye(2)]",
        (15, 15),
        "average",
    ),
]

RIGHT = {
    "by playing": """
def sigmoid(t):
    return 1 / (1 + np.exp(-t))

def field(w, kind, gamma):
    theta, psi = w
    t = theta * psi
    velocity = [psi * (sigmoid(t) if kind == "minimax" else 1 - sigmoid(t)), -theta * sigmoid(t)]
    velocity[1] -= gamma * psi
    return velocity

def step_matrix(order, h, a, gamma):
    columns = []
    for theta, psi in np.eye(2):
        new = psi + h * (-a * theta - gamma * psi)
        columns.append([theta + h * a * (psi if order == "simultaneous" else new), new])
    return np.array(columns).T

def factor(matrix):
    powers, total = np.asarray(matrix, float), 0.0
    values = np.roots(np.poly(powers))
    return float(max(abs(values)))

def largest_step(order, a, gamma):
    low, high = 0.0, 100.0
    while high - low > 1e-9:
        h = (low + high) / 2
        if factor(step_matrix(order, h, a, gamma)) < 1:
            low = h
        else:
            high = h
    return low

def play(order, start, steps, h, kind, gamma):
    path = np.empty((steps + 1, 2))
    path[0] = start
    for k in range(steps):
        theta, psi = path[k]
        new_psi = psi + h * field((theta, psi), kind, gamma)[1]
        seen = psi if order == "simultaneous" else new_psi
        path[k + 1] = theta + h * field((theta, seen), kind, gamma)[0], new_psi
    return path
""",
    "by the formulas": """
def field(w, kind, gamma):
    t = w[0] * w[1]
    weight = {"minimax": 1 / (1 + np.exp(-t)), "non_saturating": 1 / (1 + np.exp(t))}
    return np.array([w[1] * weight[kind], -w[0] * weight["minimax"] - gamma * w[1]])

def step_matrix(order, h, a, gamma):
    corner = 1 if order == "simultaneous" else 1 - (h * a) ** 2
    other = h * a if order == "simultaneous" else h * a * (1 - h * gamma)
    return [[corner, other], [-h * a, 1 - h * gamma]]

def factor(matrix):
    values, _ = np.linalg.eig(matrix)
    return np.sqrt(np.max(values.real**2 + values.imag**2))

def largest_step(order, a, gamma):
    if order == "alternating":
        return 4 / (np.sqrt(gamma**2 + 4 * a**2) + gamma)
    root = np.sqrt(complex(gamma**2 - 4 * a**2))
    return gamma / a**2 if root.imag else (gamma - root.real) / a**2
""",
}
