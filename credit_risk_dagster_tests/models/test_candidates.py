from typing import cast

import numpy as np
import pandas as pd
import pytest
from credit_risk_dagster.models.pipelines import build_pipeline
from optuna.trial import FixedTrial, Trial

from credit_risk_dagster.contract.candidates import CANDIDATES, CandidateName
from credit_risk_dagster.contract.features import LABEL, PANEL_MEANS
from credit_risk_dagster.models.candidates import DEFAULT_PARAMETERS, suggest_parameters
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained
from credit_risk_dagster_tests.reference_tables import CLICKSTREAM_MONTHS

FRAME = loan_frame(20)

every_candidate = pytest.mark.parametrize("candidate", CANDIDATES)


def scores(candidate: CandidateName, fitted_on: pd.DataFrame, scored: pd.DataFrame) -> np.ndarray:
    pipeline = build_pipeline(candidate, DEFAULT_PARAMETERS[candidate], seed=1)
    return score(pipeline.fit(fitted_on, fitted_on[LABEL]), scored)


@every_candidate
def test_the_first_trial_lies_inside_the_search_space(candidate: CandidateName) -> None:
    defaults = DEFAULT_PARAMETERS[candidate]
    trial = FixedTrial(dict(defaults))
    assert suggest_parameters(candidate, cast("Trial", trial)) == defaults
    for name, distribution in trial.distributions.items():
        assert distribution._contains(distribution.to_internal_repr(defaults[name]))


@every_candidate
def test_every_tuned_parameter_reaches_the_pipeline(candidate: CandidateName) -> None:
    parameters = dict(DEFAULT_PARAMETERS[candidate])
    pipeline = build_pipeline(candidate, parameters, seed=5)
    assert pipeline["shrinkage"].prior_months == parameters.pop("prior_months")
    settings = pipeline["classifier"].get_params()
    assert {name: settings[name] for name in parameters} == parameters
    assert settings["random_state"] == 5


def test_the_number_of_trees_is_the_tuned_one() -> None:
    xgboost = trained("xgboost")
    booster = xgboost.pipeline["classifier"].get_booster()
    assert booster.num_boosted_rounds() == xgboost.parameters["n_estimators"]


def test_logistic_regression_reads_columns_of_mean_0_and_deviation_1_in_training() -> None:
    pipeline = build_pipeline(
        "logistic_regression", DEFAULT_PARAMETERS["logistic_regression"], seed=1
    ).fit(FRAME, FRAME[LABEL])
    inputs = pipeline[:-1].transform(FRAME)
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-12)
    for unbounded in ("flags", "panels"):
        columns = pipeline["preprocessing"].output_indices_[unbounded]
        np.testing.assert_allclose(inputs[:, columns].std(axis=0), 1, atol=1e-12)


@every_candidate
def test_a_category_never_seen_in_training_is_scored(candidate: CandidateName) -> None:
    unseen = FRAME.head(5).assign(occupation="Astronaut")
    assert np.isfinite(scores(candidate, FRAME, unseen)).all()


def test_one_absurd_amount_moves_no_score_further_than_a_very_high_one() -> None:
    high, absurd = (
        FRAME.head(20).assign(total_emi_per_month=value) for value in (5_000.0, 82_000_000.0)
    )
    np.testing.assert_array_equal(
        scores("logistic_regression", FRAME, high), scores("logistic_regression", FRAME, absurd)
    )


@every_candidate
def test_applicants_are_scored_when_the_clickstream_went_dark(candidate: CandidateName) -> None:
    dark = FRAME.assign(**dict.fromkeys(PANEL_MEANS, np.nan), **{CLICKSTREAM_MONTHS: 0})
    lit, blind = scores(candidate, FRAME, FRAME), scores(candidate, FRAME, dark)
    # Without the source scores carry less, but do not move as a whole.
    assert abs(lit.mean() - blind.mean()) < 0.05


@every_candidate
def test_a_model_trains_without_any_clickstream_and_scores_with_it(
    candidate: CandidateName,
) -> None:
    dark = FRAME.assign(**dict.fromkeys(PANEL_MEANS, np.nan), **{CLICKSTREAM_MONTHS: 0})
    np.testing.assert_array_equal(scores(candidate, dark, FRAME), scores(candidate, dark, dark))


@every_candidate
def test_a_text_that_is_missing_everywhere_in_training_does_not_matter_later(
    candidate: CandidateName,
) -> None:
    without = FRAME.assign(occupation=None)
    np.testing.assert_allclose(
        scores(candidate, without, FRAME.assign(occupation="Doctor")),
        scores(candidate, without, FRAME.assign(occupation="Lawyer")),
    )
