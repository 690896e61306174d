"""Wrong and right submissions to assignment 4; bands are of 18 points."""

from course.rehearsal import Wrong

DISTANCE = "return difference @ difference + np.trace(sigma + gamma) - shared"
MIDDLE = "middle = np.linalg.eigvalsh(root @ gamma @ root)"
COVARIANCES = "sigma, gamma = (np.atleast_2d(np.cov(sample.T)) for sample in (real, fake))"
WITHIN = "return (values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))"
KERNEL = "return (x @ y.T / d + 1) ** 3"
SPHERES = """    own = np.linalg.norm(real[:, None] - real, axis=2)
    radii = np.sort(own, axis=1)[:, num_neighbours]  # the nearest of all is the feature itself"""
HELD = "return np.mean((cross <= radii[:, None]).any(axis=1))"
EXPECTED = "return 1 - np.prod((n - i) / (n + m - i))"

WRONG = [
    Wrong(
        "population covariance",
        COVARIANCES,
        COVARIANCES.replace("sample.T)", "sample.T, ddof=0)"),
        (14, 14),
    ),
    Wrong(
        "mean not squared",
        DISTANCE,
        DISTANCE.replace("difference @ difference", "np.sqrt(difference @ difference)"),
        (13, 13),
    ),
    Wrong(
        "entrywise root",
        DISTANCE,
        "return difference @ difference + np.trace(sigma + gamma - 2 * np.sqrt(np.maximum(sigma * gamma, 0)))",
        (14, 14),
    ),
    Wrong(
        "variances alone",
        DISTANCE,
        "return difference @ difference + np.sum((np.sqrt(np.diag(sigma)) - np.sqrt(np.diag(gamma))) ** 2)",
        (14, 15),
    ),
    Wrong("factor 2 lost", DISTANCE, DISTANCE.replace("- shared", "- shared / 2"), (14, 15)),
    Wrong(
        "root of the distance",
        DISTANCE,
        DISTANCE.replace("return ", "return np.sqrt(abs(") + "))",
        (13, 13),
    ),
    Wrong("complex roots", MIDDLE, "middle = np.linalg.eigvals(sigma @ gamma) + 0j", (13, 13)),
    Wrong(
        "ridge on the covariances",
        COVARIANCES,
        COVARIANCES.replace(" for", " + 0.01 * np.eye(real.shape[1]) for"),
        (14, 15),
    ),
    Wrong(
        "covariance of the rows",
        COVARIANCES,
        COVARIANCES.replace("sample.T", "sample"),
        (13, 13),
    ),
    Wrong(
        "one feature has no matrix",
        COVARIANCES,
        "sigma, gamma = np.cov(real.T), np.cov(fake.T)",
        (16, 16),
    ),
    Wrong(
        "product of the roots",
        DISTANCE,
        "other, axes = np.linalg.eigh(gamma)\n    other = axes * np.sqrt(np.maximum(other, 0)) @ axes.T\n"
        "    return difference @ difference + np.trace(sigma + gamma - 2 * root @ other)",
        (16, 16),
    ),
    Wrong(
        "singular values of the product",
        MIDDLE,
        "middle = np.linalg.svd(sigma @ gamma, compute_uv=False)",
        (16, 16),
    ),
    Wrong("pairs with itself kept", WITHIN, "return values.mean()", (15, 15)),
    Wrong(
        "divides by n squared",
        WITHIN,
        "return (values.sum() - np.trace(values)) / len(x) ** 2",
        (14, 14),
    ),
    Wrong("d forgotten", KERNEL, "return (x @ y.T + 1) ** 3", (17, 17)),
    Wrong("square for cube", KERNEL, KERNEL.replace("** 3", "** 2"), (16, 16)),
    Wrong(
        "cross term once",
        "- 2 * kernel(real, fake).mean()",
        "- kernel(real, fake).mean()",
        (14, 14),
    ),
    Wrong(
        "paired cross term",
        "2 * kernel(real, fake).mean()",
        "2 * np.diag(kernel(real, fake)).mean()",
        (15, 15),
    ),
    Wrong(
        "never negative",
        "return within(real) + within(fake) - 2 * kernel(real, fake).mean()",
        "return max(0, within(real) + within(fake) - 2 * kernel(real, fake).mean())",
        (15, 15),
    ),
    Wrong(
        "without its sign",
        "return within(real) + within(fake) - 2 * kernel(real, fake).mean()",
        "return abs(within(real) + within(fake) - 2 * kernel(real, fake).mean())",
        (15, 15),
    ),
    Wrong(
        "sizes taken for equal",
        "2 * kernel(real, fake).mean()",
        "2 * kernel(real, fake).sum() / len(real) ** 2",
        (17, 17),
    ),
    Wrong(
        "Gaussian kernel",
        KERNEL,
        "return 8 * np.exp(-((x[:, None] - y) ** 2).sum(axis=2) / (2 * d))",
        (16, 17),
    ),
    Wrong(
        "itself a neighbour",
        SPHERES,
        SPHERES.replace("[:, num_neighbours]", "[:, num_neighbours - 1]"),
        (15, 15),
    ),
    Wrong(
        "balls round generated ones", SPHERES, "    real, fake = fake, real\n" + SPHERES, (15, 15)
    ),
    Wrong("precision", HELD, HELD.replace("axis=1", "axis=0"), (15, 15)),
    Wrong(
        "border left out",
        HELD,
        HELD.replace("<=", "<"),
        (15, 15),
    ),
    Wrong(
        "another feature at the same place left out",
        SPHERES,
        SPHERES.replace("    radii", "    own = np.where(own > 0, own, np.inf)\n    radii").replace(
            "[:, num_neighbours]", "[:, num_neighbours - 1]"
        ),
        (16, 16),
    ),
    Wrong(
        "city-block distance",
        SPHERES + "\n    cross = np.linalg.norm(real[:, None] - fake, axis=2)\n    return np.mean",
        "    own = np.abs(real[:, None] - real).sum(axis=2)\n    radii = np.sort(own, axis=1)[:, num_neighbours]\n"
        "    cross = np.abs(real[:, None] - fake).sum(axis=2)\n    return np.mean",
        (16, 16),
    ),
    Wrong("half the radius", HELD, HELD.replace("radii[:, None]", "radii[:, None] / 2"), (15, 15)),
    Wrong("largest radius for all", HELD, HELD.replace("radii[:, None]", "radii.max()"), (16, 16)),
    Wrong(
        "five neighbours always",
        SPHERES,
        SPHERES.replace("[:, num_neighbours]", "[:, min(5, len(real) - 1)]"),
        (15, 16),
    ),
    Wrong("the limit", EXPECTED, "return 1 - 0.5**num_neighbours + 0 * i.sum()", (17, 17)),
    Wrong(
        "real and generated exchanged",
        EXPECTED,
        "return 1 - np.prod((m - i) / (n + m - i))",
        (16, 17),
    ),
    Wrong("counts itself", EXPECTED, "return 1 - np.prod((n - i + 1) / (n + m - i + 1))", (16, 17)),
    Wrong(
        "the first neighbour alone",
        EXPECTED,
        "return 1 - (n - 1) / (n + m - 1) + 0 * i.sum()",
        (17, 17),
    ),
    Wrong(
        "drawn with replacement",
        EXPECTED,
        "return 1 - np.prod((n - 1 + 0 * i) / (n + m - 1))",
        (17, 17),
    ),
    # the variants
    Wrong(
        "border left out of the density",
        "return np.sum(cross <= radii[:, None]) / (num_neighbours * len(fake))",
        "return np.sum(cross < radii[:, None]) / (num_neighbours * len(fake))",
        (14, 14),
        "density",
    ),
    Wrong(
        "not divided by k",
        "return np.sum(cross <= radii[:, None]) / (num_neighbours * len(fake))",
        "return np.sum(cross <= radii[:, None]) / len(fake)",
        (15, 15),
        "density",
    ),
    Wrong(
        "divided by n",
        "return np.sum(cross <= radii[:, None]) / (num_neighbours * len(fake))",
        "return np.sum(cross <= radii[:, None]) / (num_neighbours * len(real))",
        (14, 14),
        "density",
    ),
    Wrong(
        "precision for density",
        "return np.sum(cross <= radii[:, None]) / (num_neighbours * len(fake))",
        "return np.mean((cross <= radii[:, None]).any(axis=0))",
        (14, 14),
        "density",
    ),
    Wrong(
        "exchanged",
        "return share(real, fake), share(fake, real)",
        "return share(fake, real), share(real, fake)",
        (14, 14),
        "precision_recall",
    ),
    Wrong(
        "coverage for recall",
        "return share(real, fake), share(fake, real)",
        "return share(real, fake), coverage(real, fake, num_neighbours)",
        (14, 15),
        "precision_recall",
    ),
    Wrong(
        "itself a neighbour of its own",
        "        radii = np.sort(own, axis=1)[:, k]\n        cross",
        "        radii = np.sort(own, axis=1)[:, k - 1]\n        cross",
        (14, 15),
        "precision_recall",
    ),
    Wrong(
        "open balls",
        "return np.mean((cross <= radii).any(axis=1))",
        "return np.mean((cross < radii).any(axis=1))",
        (15, 15),
        "precision_recall",
    ),
    Wrong(
        "log of the score",
        "return np.exp(of_mean - np.mean(entropies))",
        "return of_mean - np.mean(entropies)",
        (14, 14),
        "inception_score",
    ),
    Wrong(
        "entropy of the mean alone",
        "return np.exp(of_mean - np.mean(entropies))",
        "return np.exp(of_mean)",
        (14, 14),
        "inception_score",
    ),
    Wrong(
        "a small number added",
        "logarithms = np.log(np.where(rows > 0, rows, 1))",
        "logarithms = np.log(rows + 0.01)",
        (14, 14),
        "inception_score",
    ),
    Wrong(
        "nan for probability 0",
        "logarithms = np.log(np.where(rows > 0, rows, 1))",
        "logarithms = np.log(rows)",
        (14, 14),
        "inception_score",
    ),
    Wrong(
        "nan for a class never seen",
        "logarithms = np.log(np.where(rows > 0, rows, 1))",
        "logarithms = np.log(np.where(rows > 0, rows, 1) * (rows[-1] / rows[-1]))",
        (15, 15),
        "inception_score",
    ),
    Wrong("slope for height", "return height", "return _slope", (14, 14), "extrapolation"),
    Wrong(
        "a line in n",
        "np.polyfit(1 / sizes, distances, 1)",
        "np.polyfit(sizes, distances, 1)",
        (14, 14),
        "extrapolation",
    ),
    Wrong(
        "largest two sizes",
        "_slope, height = np.polyfit(1 / sizes, distances, 1)",
        "last = np.argsort(sizes)[-2:]\n    slope, height = np.polyfit(1 / sizes[last], distances[last], 1)",
        (15, 15),
        "extrapolation",
    ),
    Wrong("never below 0", "return height", "return max(height, 0.0)", (15, 15), "extrapolation"),
    Wrong(
        "first and last",
        "_slope, height = np.polyfit(1 / sizes, distances, 1)",
        "_slope, height = np.polyfit(1 / sizes[[0, -1]], distances[[0, -1]], 1)",
        (15, 15),
        "extrapolation",
    ),
    Wrong(
        "large samples count more",
        "np.polyfit(1 / sizes, distances, 1)",
        "np.polyfit(1 / sizes, distances, 1, w=np.sqrt(sizes))",
        (15, 15),
        "extrapolation",
    ),
    Wrong(
        "a size once",
        "_slope, height = np.polyfit(1 / sizes, distances, 1)",
        "once = np.unique(sizes)\n    means = [distances[sizes == size].mean() for size in once]\n"
        "    _slope, height = np.polyfit(1 / once, means, 1)",
        (15, 15),
        "extrapolation",
    ),
    Wrong(
        "a line in the root",
        "np.polyfit(1 / sizes, distances, 1)",
        "np.polyfit(1 / np.sqrt(sizes), distances, 1)",
        (14, 14),
        "extrapolation",
    ),
]

RIGHT = {
    "with scipy": """
from scipy import linalg
from scipy.spatial.distance import cdist
from math import comb

def frechet_distance(real, fake):
    x, y = real - real.mean(0), fake - fake.mean(0)
    spread = (x**2).sum() / (len(x) - 1) + (y**2).sum() / (len(y) - 1)
    # the singular values of the product of two roots, each a matrix of samples
    roots = linalg.svdvals(x @ y.T) / np.sqrt((len(x) - 1) * (len(y) - 1))
    shift = np.linalg.norm(real.mean(0) - fake.mean(0))
    return shift**2 + spread - 2 * roots.sum()

def kernel_distance(real, fake):
    d = real.shape[1]
    def off(x):
        k = (x @ x.T / d + 1) ** 3
        np.fill_diagonal(k, 0)
        return k.sum() / len(x) / (len(x) - 1)
    return off(real) + off(fake) - 2 * np.mean((real @ fake.T / d + 1) ** 3)

def coverage(real, fake, num_neighbours):
    own = cdist(real, real)
    np.fill_diagonal(own, np.inf)
    radii = np.partition(own, num_neighbours - 1, axis=1)[:, num_neighbours - 1]
    return (cdist(real, fake).min(axis=1) <= radii).mean()

def expected_coverage(n, m, num_neighbours):
    return 1 - comb(n - 1, num_neighbours) / comb(n + m - 1, num_neighbours)
""",
    "with loops": """
def frechet_distance(real, fake):
    mu, nu = sum(real) / len(real), sum(fake) / len(fake)
    a = sum(np.outer(x - mu, x - mu) for x in real) / (len(real) - 1)
    b = sum(np.outer(x - nu, x - nu) for x in fake) / (len(fake) - 1)
    def root(matrix):
        w, v = np.linalg.eigh((matrix + matrix.T) / 2)
        return v @ np.diag(np.sqrt(np.clip(w, 0, None))) @ v.T
    middle = root(root(a) @ b @ root(a))
    return np.sum((mu - nu) ** 2) + np.trace(a + b - 2 * middle)

def kernel_distance(real, fake):
    k = lambda x, y: (np.dot(x, y) / len(x) + 1) ** 3
    n, m = len(real), len(fake)
    total = 0.0
    for one in (real, fake):
        for i in range(len(one)):
            for j in range(i):
                total += 2 * k(one[i], one[j]) / (len(one) * (len(one) - 1))
    for x in real:
        for y in fake:
            total -= 2 * k(x, y) / (n * m)
    return total

def coverage(real, fake, num_neighbours):
    count = 0
    for i, x in enumerate(real):
        others = np.sort([np.sqrt(((x - y) ** 2).sum()) for j, y in enumerate(real) if j != i])
        count += any(np.sqrt(((x - y) ** 2).sum()) <= others[num_neighbours - 1] for y in fake)
    return count / len(real)

def expected_coverage(n, m, num_neighbours):
    miss = 1.0
    for i in range(num_neighbours):
        miss *= (n - 1 - i) / (n + m - 1 - i)
    return 1 - miss
""",
}
