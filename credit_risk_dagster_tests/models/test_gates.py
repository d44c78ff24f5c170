import numpy as np
import pytest

from credit_risk_dagster.models.gates import (
    as_records,
    calibration_gate,
    dark_gate,
    overfit_gate,
)
from credit_risk_dagster.models.log_odds import logistic

GENERATOR = np.random.default_rng(8)
LOG_ODDS = GENERATOR.normal(-1, 1.5, 4000)
LABELS = (GENERATOR.random(4000) < logistic(LOG_ODDS)).astype(int)


def test_a_calibrated_model_passes_and_its_figures_are_told() -> None:
    gate = calibration_gate("calibration", LABELS, logistic(LOG_ODDS))
    assert gate.holds
    assert gate.sentence.startswith("calibration slope ")


@pytest.mark.parametrize("wrong", [LOG_ODDS / 1.8, LOG_ODDS * 1.8, LOG_ODDS - 0.8, LOG_ODDS + 0.8])
def test_a_model_that_is_off_beyond_noise_is_stopped_and_of_few_loans_it_is_not(
    wrong: np.ndarray,
) -> None:
    assert not calibration_gate("calibration", LABELS, logistic(wrong)).holds
    assert calibration_gate("calibration", LABELS[:25], logistic(wrong[:25])).holds


def test_a_dark_source_is_judged_only_where_applicants_lack_one() -> None:
    shut = calibration_gate("calibration", LABELS, logistic(LOG_ODDS - 0.8))
    assert dark_gate({"clickstream": 0.0}, shut).holds
    dark = dark_gate({"clickstream": 1.0}, shut)
    assert not dark.holds
    assert "clickstream of 100%" in dark.sentence


def test_a_column_from_the_future_is_caught_as_overfit() -> None:
    """Known in training alone, it separates there what it cannot on the test cohorts."""
    leaked = logistic(LOG_ODDS + 5 * LABELS)
    honest = (LABELS, logistic(LOG_ODDS))
    assert overfit_gate(honest, honest).holds
    caught = overfit_gate((LABELS, leaked), honest)
    assert not caught.holds
    assert as_records([caught])[0]["name"] == "overfit"


def test_test_cohorts_of_one_outcome_judge_nothing() -> None:
    assert overfit_gate((LABELS, logistic(LOG_ODDS)), (np.zeros(5), np.full(5, 0.5))).holds
