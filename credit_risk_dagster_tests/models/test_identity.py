import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.features import LABEL, MODEL_INPUTS
from credit_risk_dagster.models.candidates.interface import candidate_named
from credit_risk_dagster.models.credit_model import CreditModel
from credit_risk_dagster.models.identity import (
    learned_numbers_hash,
    model_id,
    training_key,
    training_rows_hash,
)
from credit_risk_dagster.models.training_rows import labels_of
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained, window

FRAME = loan_frame(5)
KEY = training_key("rows", {"trials": 15}, 1, "xgboost", window(), "today's")


def test_rows_have_one_hash_in_any_order_of_rows_and_columns_and_in_any_integer_width() -> None:
    other = FRAME.sample(frac=1, random_state=1)[sorted(FRAME.columns)]
    other = other.astype({LABEL: "int8"}).assign(another_column=1)
    assert training_rows_hash(other) == training_rows_hash(FRAME)


@pytest.mark.parametrize("column", ["loan_id", "cohort", LABEL, *MODEL_INPUTS])
def test_a_change_in_any_column_changes_the_hash_of_the_rows(column: str) -> None:
    values = FRAME[column].tolist()
    is_text = FRAME[column].dtype == object
    values[3] = "2023-12-01" if is_text else np.nan_to_num(values[3]) + 1
    changed = FRAME.assign(**{column: values})
    assert training_rows_hash(changed) != training_rows_hash(FRAME)


def test_missing_text_is_one_thing_whether_none_or_nan() -> None:
    with_none, with_nan = (FRAME.assign(occupation=absent) for absent in (None, np.nan))
    assert training_rows_hash(with_none) == training_rows_hash(
        with_nan.astype({"occupation": object})
    )


@pytest.mark.parametrize(
    "other",
    [
        training_key("other rows", {"trials": 15}, 1, "xgboost", window(), "today's"),
        training_key("rows", {"trials": 16}, 1, "xgboost", window(), "today's"),
        training_key("rows", {"trials": 15}, 2, "xgboost", window(), "today's"),
        training_key("rows", {"trials": 15}, 1, "logistic_regression", window(), "today's"),
        training_key("rows", {"trials": 15}, 1, "xgboost", replace(window(), folds=()), "today's"),
        training_key("rows", {"trials": 15}, 1, "xgboost", window(), "another"),
    ],
)
def test_whatever_decides_a_training_changes_its_key(other: str) -> None:
    assert other != KEY


def test_the_key_does_not_depend_on_the_order_of_settings() -> None:
    one = training_key(
        "rows", {"trials": 15, "minimum_auc": 0.7}, 1, "xgboost", window(), "today's"
    )
    other = training_key(
        "rows", {"minimum_auc": 0.7, "trials": 15}, 1, "xgboost", window(), "today's"
    )
    assert one == other


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_model_fitted_again_learns_the_same_numbers_and_on_other_loans_others(
    candidate: str,
) -> None:
    result = trained(candidate)
    frame = loan_frame()
    fit = frame[frame["cohort"].isin(window().fit)]
    model = CreditModel(candidate_named(candidate).estimator(result.parameters, 7))
    assert learned_numbers_hash(model.fit(fit, labels_of(fit))) == result.learned_hash
    assert learned_numbers_hash(model.fit(fit[1:], labels_of(fit[1:]))) != result.learned_hash


def change_coefficient(model: CreditModel) -> None:
    model.estimator.regression_.coef_ = model.estimator.regression_.coef_ * (1 + 1e-15)


def change_imputed_median(model: CreditModel) -> None:
    model.estimator.preprocessing_.transformers_[0][1][0].statistics_[0] += 1


def change_category(model: CreditModel) -> None:
    encoder = model.estimator.preprocessing_.named_transformers_["categories"]["encoding"]
    encoder.categories_[0][0] = "Renamed"


def change_evidence(model: CreditModel) -> None:
    model.evidence_.mean_default_[0] += 1e-9


@pytest.mark.parametrize(
    "change",
    [
        change_coefficient,
        change_imputed_median,
        change_category,
        change_evidence,
    ],
)
def test_every_learned_number_counts(change: Callable[[CreditModel], None]) -> None:
    estimator = candidate_named("logistic_regression").estimator({"C": 0.1}, 1)
    model = CreditModel(estimator).fit(FRAME, labels_of(FRAME))
    before = learned_numbers_hash(model)
    change(model)
    assert learned_numbers_hash(model) != before


def test_a_model_id_names_month_and_candidate_and_ends_in_twelve_hex_digits() -> None:
    name = model_id("2024-09-01", "xgboost", KEY, "learned")
    assert re.fullmatch(r"2024-09-xgboost-[0-9a-f]{12}", name)
    assert name != model_id("2024-09-01", "xgboost", KEY, "learned otherwise")
    assert name != model_id("2024-09-01", "xgboost", "another key", "learned")
