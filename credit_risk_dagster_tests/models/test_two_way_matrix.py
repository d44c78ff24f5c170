import numpy as np

from credit_risk_dagster.models.log_odds import logistic
from credit_risk_dagster.models.step_columns import cuts_of, step_column
from credit_risk_dagster.models.two_way_matrix import TwoWayMatrix, strongest_matrix

GENERATOR = np.random.default_rng(2)
MATRIX = GENERATOR.random((4000, 3))
FIRST, SECOND, _ = (MATRIX > 0.5).astype(float).T


def found(
    log_odds: np.ndarray, fitted: np.ndarray, signs: tuple[int, ...] = (0, 0, 0)
) -> TwoWayMatrix | None:
    labels = (GENERATOR.random(4000) < logistic(log_odds)).astype(np.int64)
    probability = logistic(fitted)
    columns = {one: step_column(MATRIX[:, one], cuts_of(MATRIX[:, one])) for one in range(3)}
    residuals, weights = labels - probability, probability * (1 - probability)
    return strongest_matrix(MATRIX, labels, columns, residuals, weights, 5.0, signs)


def test_two_features_that_say_more_together_than_one_by_one_are_found() -> None:
    additive = -1 + FIRST + SECOND
    matrix = found(additive + 1.5 * FIRST * SECOND - 0.4, additive)
    assert matrix is not None
    assert matrix.columns == (0, 1)
    assert matrix.values[-1, -1] == matrix.values.max()


def test_two_features_that_only_add_up_have_no_matrix() -> None:
    additive = -1 + FIRST + SECOND
    assert found(additive, additive) is None


def test_the_parts_of_both_add_up_and_what_is_missing_says_nothing() -> None:
    additive = -1 + FIRST + SECOND
    matrix = found(additive + 2 * FIRST * SECOND, additive)
    assert matrix is not None
    first, second = matrix.halves()
    np.testing.assert_allclose(first + second, matrix.values, atol=1e-12)
    independent = matrix.shares[0] @ matrix.values @ matrix.shares[1]
    assert abs(independent) < 1e-12
    with_missing = np.array([[np.nan, 0.9, 0.1], [0.9, 0.9, 0.1]])
    assert matrix.lookup(with_missing).tolist() == [0.0, matrix.values[-1, -1]]


def test_along_a_directed_feature_the_cells_never_turn_back() -> None:
    additive = -1 + FIRST + SECOND
    tangled = additive + 3 * (FIRST - 0.5) * (SECOND - 0.5)
    matrix = found(tangled, additive, signs=(1, -1, 0))
    if matrix is not None:
        for axis, column in enumerate(matrix.columns):
            turns = np.diff(matrix.values, axis=axis) * (1, -1, 0)[column]
            assert (turns >= 0).all()
    free = found(tangled, additive)
    assert free is not None
    assert (np.diff(free.values, axis=0) < 0).any()
