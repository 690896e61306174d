"""The appendix on mathematics: its pictures are those of the code, its examples are true."""

import numpy as np
import pytest
from scipy.optimize import linprog

from tools import mathematics_pictures as pictures

PAGE = (pictures.ROOT / "book/mathematics_used_here.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_picture_is_the_one_that_the_code_draws(name):
    kept = (pictures.STATIC / f"math_{name}.svg").read_text(encoding="utf-8")
    assert pictures.PICTURES[name]().svg() == kept
    assert f"_static/math_{name}.svg" in PAGE


def test_singular_values_of_the_example():
    values = np.linalg.svd(pictures.MATRIX, compute_uv=False)
    assert np.round(values, 2).tolist() == [1.48, 0.89]
    assert np.round(values**2, 2).tolist() == [2.18, 0.8]
    assert "1.48" in PAGE
    assert np.isclose(np.trace(pictures.MATRIX.T @ pictures.MATRIX), 2.98)


def test_prices_of_the_example_are_the_best_and_no_plan_is_cheaper():
    n, ways = 3, np.abs(pictures.PLACES[:, None] - pictures.PLACES)
    sums = np.vstack([np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))])
    amounts = np.concatenate([pictures.HEAPS, pictures.HOLES])
    cheapest = linprog(ways.ravel(), A_eq=sums, b_eq=amounts).fun
    earned = pictures.PRICES @ (pictures.HEAPS - pictures.HOLES)
    assert np.all(pictures.PRICES[:, None] - pictures.PRICES <= ways)
    assert np.allclose([cheapest, earned], 1.2)
    detour = np.zeros((n, n))  # the third plan of the table: from row to column
    detour[0, 2], detour[1, 2], detour[2, 1], detour[1, 0] = 0.5, 0.1, 0.2, 0.1
    stays = detour.sum(0) - detour.sum(1) + pictures.HEAPS
    assert np.allclose(stays, pictures.HOLES)
    assert np.isclose(np.sum(detour * ways), 2.2)


def test_steps_of_the_example_run_away_though_the_motion_comes_to_rest():
    motion = np.array([[0, 1], [-1, -0.4]])
    assert np.allclose(np.linalg.eigvals(motion).real, -0.2)
    step = np.eye(2) + 0.5 * motion
    assert np.allclose([np.trace(step), np.linalg.det(step)], [1.8, 1.05])
    assert np.abs(np.linalg.eigvals(step)).min() > 1


def test_u_statistic_of_the_example():
    x = np.array([1, 2, -1])
    assert np.isclose((x.sum() ** 2 - np.sum(x**2)) / 6, -1 / 3)
