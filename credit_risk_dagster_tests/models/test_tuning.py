import numpy as np
import optuna
import pytest
from sklearn.metrics import roc_auc_score

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.errors import ModelError
from credit_risk_dagster.models.candidates.interface import candidate_named
from credit_risk_dagster.models.credit_model import CreditModel
from credit_risk_dagster.models.dark_sources import without
from credit_risk_dagster.models.split import TrainingWindow
from credit_risk_dagster.models.training_rows import labels_of
from credit_risk_dagster.models.tuning import tune
from credit_risk_dagster_tests.models.loan_frames import SEED, loan_frame, window

FRAME = loan_frame()
WINDOW = window()
TUNING = tune(FRAME, WINDOW, "logistic_regression", trials=3, seed=SEED, threads=1)


def test_every_trial_is_kept_and_the_chosen_is_one_of_them_and_not_more_complex_than_the_best() -> (
    None
):
    assert [trial.number for trial in TUNING.trials] == [0, 1, 2]
    best = max(TUNING.trials, key=lambda trial: trial.mean_auc)
    chosen = next(one for one in TUNING.trials if one.parameters == TUNING.parameters)
    assert chosen.mean_auc == TUNING.mean_auc
    assert chosen.parameters["C"] <= best.parameters["C"]
    assert TUNING.gain == TUNING.mean_auc - TUNING.trials[0].mean_auc
    assert TUNING.gain_error >= 0


def test_the_first_trial_tries_the_defaults() -> None:
    assert TUNING.trials[0].parameters == candidate_named("logistic_regression").DEFAULTS


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_fold_is_fitted_on_its_months_and_judged_on_the_two_that_follow(
    candidate: str,
) -> None:
    trial = tune(FRAME, WINDOW, candidate, trials=2, seed=SEED, threads=1).trials[1]
    expected = []
    for fold in WINDOW.folds:
        train, validation = (
            FRAME[FRAME["cohort"].isin(part)] for part in (fold.train, fold.validation)
        )
        model = CreditModel(candidate_named(candidate).estimator(trial.parameters, SEED))
        model.fit(train, labels_of(train))
        copies = (validation, without(validation, "clickstream"))
        aucs = [roc_auc_score(validation[LABEL], model.log_odds(copy)) for copy in copies]
        expected.append(np.mean(aucs))
    assert trial.fold_aucs == pytest.approx(expected, rel=1e-12)
    assert trial.mean_auc == pytest.approx(np.mean(expected))


def test_the_number_of_threads_changes_nothing() -> None:
    threaded = tune(FRAME, WINDOW, "logistic_regression", trials=3, seed=SEED, threads=3)
    assert threaded == TUNING


def test_another_seed_tries_other_parameters() -> None:
    other = tune(FRAME, WINDOW, "logistic_regression", trials=2, seed=SEED + 1, threads=1)
    assert other.trials[1].parameters != TUNING.trials[1].parameters


def test_only_training_months_are_needed() -> None:
    training_months = FRAME[FRAME["cohort"].isin(WINDOW.train)]
    alone = tune(training_months, WINDOW, "logistic_regression", trials=3, seed=SEED, threads=1)
    assert alone == TUNING


def test_a_fold_with_one_outcome_is_refused_before_any_fit() -> None:
    frame = FRAME.copy()
    frame.loc[frame["cohort"].isin(WINDOW.folds[0].validation), LABEL] = 0
    with pytest.raises(ModelError, match=r"2023-11-01 to 2023-12-01 .* validating a fold"):
        tune(frame, WINDOW, "xgboost", trials=1, seed=SEED, threads=1)


def test_a_window_without_folds_is_refused_with_the_setting() -> None:
    without = TrainingWindow(WINDOW.train, WINDOW.test, WINDOW.out_of_time, folds=())
    with pytest.raises(ModelError, match="CREDIT_RISK_POLICY__TRAIN_MONTHS"):
        tune(FRAME, without, "xgboost", trials=1, seed=SEED, threads=1)


def test_tuning_leaves_optunas_own_logging_as_it_was() -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    tune(FRAME, WINDOW, "logistic_regression", trials=1, seed=SEED, threads=1)
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
