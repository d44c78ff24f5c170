from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.features import CATEGORICAL_FEATURES, LABEL, NUMERIC_FEATURES
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.candidates.interface import candidate_named
from credit_risk_dagster.models.credit_model import CreditModel
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.models.training import TrainedCandidate
from credit_risk_dagster.models.training_rows import labels_of
from credit_risk_dagster_tests.models.loan_frames import SEED, loan_frame, train, trained, window

FRAME = loan_frame()
WINDOW = window()

every_candidate = pytest.mark.parametrize("candidate", CANDIDATES)


def disturbed(months: Sequence[str]) -> pd.DataFrame:
    """Return the loans with labels, amounts and categories of some cohorts made different."""
    frame = FRAME.copy()
    rows = frame["cohort"].isin(months)
    frame.loc[rows, LABEL] = 1 - frame.loc[rows, LABEL]
    frame.loc[rows, [*NUMERIC_FEATURES]] *= 1000
    frame.loc[rows, [*CATEGORICAL_FEATURES]] = "Other"
    return frame


def booster_bytes(candidate: TrainedCandidate) -> bytes:
    return bytes(candidate.model.estimator.booster_.save_raw("ubj"))


def part(months: Sequence[str]) -> pd.DataFrame:
    return FRAME[FRAME["cohort"].isin(months)]


@every_candidate
def test_the_same_loans_in_any_order_on_any_threads_give_the_same_model(
    candidate: str,
) -> None:
    once, again = trained(candidate), train(FRAME.sample(frac=1, random_state=3), candidate, 2)
    assert again.parameters == once.parameters
    assert again.tuning == once.tuning
    assert again.learned_hash == once.learned_hash
    for scores in ("train_probabilities", "test_probabilities", "oot_probabilities"):
        np.testing.assert_array_equal(getattr(again, scores), getattr(once, scores))
    np.testing.assert_array_equal(again.oot_loan_ids, once.oot_loan_ids)
    if candidate == "xgboost":
        assert booster_bytes(again) == booster_bytes(once)


@every_candidate
def test_out_of_time_loans_change_nothing_but_their_own_scores(candidate: str) -> None:
    once, again = trained(candidate), train(disturbed(WINDOW.out_of_time), candidate)
    assert again.tuning == once.tuning
    assert again.learned_hash == once.learned_hash
    np.testing.assert_array_equal(again.test_probabilities, once.test_probabilities)
    np.testing.assert_array_equal(again.train_probabilities, once.train_probabilities)
    assert not np.array_equal(again.oot_labels, once.oot_labels)
    assert not np.array_equal(again.oot_probabilities, once.oot_probabilities)


@every_candidate
def test_test_loans_choose_no_parameter_but_reach_the_registered_fit(
    candidate: str,
) -> None:
    once, again = trained(candidate), train(disturbed(WINDOW.test), candidate)
    assert again.tuning == once.tuning
    assert again.learned_hash != once.learned_hash


@every_candidate
def test_test_scores_come_from_a_fit_without_the_test_cohorts(candidate: str) -> None:
    result = trained(candidate)
    model = CreditModel(candidate_named(candidate).estimator(result.parameters, SEED))
    model.fit(part(WINDOW.train), labels_of(part(WINDOW.train)))
    expected = score(model, part(WINDOW.test))
    np.testing.assert_allclose(result.test_probabilities, expected, rtol=1e-9)
    np.testing.assert_array_equal(result.test_labels, part(WINDOW.test)[LABEL])


@every_candidate
def test_the_registered_model_is_fitted_on_train_and_test_and_scores_out_of_time(
    candidate: str,
) -> None:
    result = trained(candidate)
    model = CreditModel(candidate_named(candidate).estimator(result.parameters, SEED))
    model.fit(part(WINDOW.fit), labels_of(part(WINDOW.fit)))
    for months, labels, probabilities in (
        (WINDOW.fit, result.train_labels, result.train_probabilities),
        (WINDOW.out_of_time, result.oot_labels, result.oot_probabilities),
    ):
        np.testing.assert_array_equal(labels, part(months)[LABEL])
        np.testing.assert_allclose(probabilities, score(model, part(months)), rtol=1e-9)
    np.testing.assert_array_equal(result.oot_loan_ids, part(WINDOW.out_of_time)["loan_id"])


def test_a_missing_out_of_time_cohort_is_named() -> None:
    with pytest.raises(ModelError, match=WINDOW.out_of_time[1]):
        train(FRAME[FRAME["cohort"] != WINDOW.out_of_time[1]], "logistic_regression")


def test_loans_of_one_outcome_cannot_train_a_model() -> None:
    with pytest.raises(ModelError, match="all 400 loans did not default"):
        train(FRAME.assign(default=0), "logistic_regression")


def test_out_of_time_cohorts_without_a_default_are_scored_all_the_same() -> None:
    frame = FRAME.copy()
    frame.loc[frame["cohort"].isin(WINDOW.out_of_time), LABEL] = 0
    result = train(frame, "logistic_regression")
    assert not result.oot_labels.any()
    assert result.learned_hash == trained("logistic_regression").learned_hash
