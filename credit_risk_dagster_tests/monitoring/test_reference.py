"""What a model's months are compared with: bins of all rows, and a sample of every cohort."""

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.monitoring.reference import Reference, freeze_reference

LOANS = pd.Series([f"L{number:03d}" for number in range(400)])
INPUTS = pd.DataFrame({"age": np.arange(400.0)})
SCORES = pd.Series(np.arange(400.0) / 400)
"""Scores that rise with the cohort: a sample of the first rows would know the lowest ones only."""


@pytest.fixture
def few_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("credit_risk_dagster.monitoring.reference.KEPT_ROWS", 100)


def frozen(order: list[int] | None = None) -> Reference:
    rows = order or list(range(400))
    loans, inputs, scores = (
        part.iloc[rows].reset_index(drop=True) for part in (LOANS, INPUTS, SCORES)
    )
    return freeze_reference(inputs, loans, scores, loans)


def test_few_rows_are_all_kept_in_their_order() -> None:
    reference = frozen()
    pd.testing.assert_series_equal(reference.scores, SCORES)
    pd.testing.assert_frame_equal(reference.inputs, INPUTS)


@pytest.mark.usefixtures("few_rows_are_kept")
def test_the_scores_that_are_kept_are_of_every_cohort() -> None:
    reference = frozen()
    assert len(reference.scores) == len(reference.inputs) == 100
    assert reference.scores.mean() == pytest.approx(0.5, abs=0.1)
    assert sum(reference.score_bins.counts) == 400


@pytest.mark.usefixtures("few_rows_are_kept")
def test_the_rows_that_are_kept_do_not_depend_on_the_order_they_came_in() -> None:
    shuffled = np.random.default_rng(1).permutation(400).tolist()
    one, other = frozen(), frozen(shuffled)
    assert sorted(one.scores) == sorted(other.scores)
    assert sorted(one.inputs["age"]) == sorted(other.inputs["age"])
