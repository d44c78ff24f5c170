"""When a light is green, amber, red or grey."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.monitoring.conditions import (
    calibrated,
    drifted,
    model_age,
    no_production_model,
    of_other_applicants,
    performance_below_interval,
)
from credit_risk_dagster.monitoring.facts import Fact, facts_table
from credit_risk_dagster.monitoring.performance import pending, performance_facts
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.monitoring import DRIFT, PERFORMANCE

MONTH = "2025-03-01"
MODEL = "2024-09-xgboost-0123456789ab"
SETTINGS = Settings(_env_file=None, policy={"minimum_auc": 0.7})


def drift(psi: float, csi: dict[str, float]) -> pd.DataFrame:
    facts = [fact("score", "psi", "probability", psi)]
    facts += [fact("feature", "csi", name, value) for name, value in csi.items()]
    return facts_table(MONTH, MODEL, facts, DRIFT.schema).to_pandas()


def fact(basis: str, metric: str, subject: str, value: float) -> Fact:
    band = "significant" if value > 0.25 else "moderate" if value > 0.1 else "stable"
    status = "beyond_noise" if value > 0.1 else "within_noise"
    return Fact(basis, metric, subject, value, upper=0.1, band=band, status=status)


def performance(*facts: Fact) -> pd.DataFrame:
    return facts_table(MONTH, None, facts, PERFORMANCE.schema).to_pandas()


def auc(value: float, half_width: float, basis: str = "current") -> Fact:
    bounds = (value - half_width, value + half_width)
    return Fact(basis, "auc", "overall", value, *bounds, sample_size=300, model_id=MODEL)


@pytest.mark.parametrize(
    ("model_id", "action", "light"),
    [
        (MODEL, "not_due", "green"),
        (None, "too_little_history", "grey"),
        (None, "initial_training", "red"),
        (None, "not_due", "red"),
    ],
)
def test_a_missing_model_is_red_once_there_is_history_for_one(
    model_id: str | None, action: str, light: str
) -> None:
    record = {"model_id": model_id, "reason": "because"}
    assert no_production_model(record, {"action": action}).light == light


@pytest.mark.parametrize(
    ("trained_in", "light"),
    [(MONTH, "green"), ("2024-12-01", "green"), ("2024-11-01", "amber"),
     ("2024-03-01", "amber"), ("2024-02-01", "red"), (None, "grey")],
)  # fmt: skip
def test_a_model_is_overdue_after_three_months_and_too_old_after_twelve(
    trained_in: str | None, light: str
) -> None:
    assert model_age(MONTH, {"trained_in": trained_in}, trained_in, SETTINGS).light == light


def test_a_model_that_a_training_has_just_confirmed_is_not_old() -> None:
    confirmed = model_age(MONTH, {"trained_in": "2023-09-01"}, "2025-01-01", SETTINGS)
    assert confirmed.light == "green"
    assert "trained 18 months ago" in confirmed.sentence


def test_drift_is_amber_in_its_first_month_and_red_when_it_lasts() -> None:
    calm, shifted = drift(0.05, {"age": 0.02}), drift(0.05, {"age": 0.40})
    assert drifted([calm, calm], SETTINGS).light == "green"
    assert drifted([shifted, calm], SETTINGS).light == "amber"
    lasting = drifted([shifted, shifted], SETTINGS)
    assert lasting.light == "red"
    assert "CSI of age 0.40" in lasting.sentence
    assert "For 2 months or longer: age." in lasting.sentence


def test_another_feature_in_the_next_month_is_a_new_shift_and_not_a_lasting_one() -> None:
    assert drifted([drift(0.0, {"age": 0.4}), drift(0.0, {"income": 0.4})], SETTINGS).light == (
        "amber"
    )


def test_drift_in_the_first_month_ever_cannot_have_lasted() -> None:
    assert drifted([drift(0.0, {"age": 0.3})], SETTINGS).light == "amber"


def test_a_score_beyond_its_band_is_red_at_once_and_a_moderate_shift_amber() -> None:
    assert drifted([drift(0.3, {})], SETTINGS).light == "red"
    moderate = drifted([drift(0.05, {"age": 0.15})], SETTINGS)
    assert moderate.light == "amber"
    assert "CSI of age 0.15" in moderate.sentence


def calibration(shift: float, seed: int, size: int = 800) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    logits = generator.normal(-1, 1.5, size)
    labels = generator.binomial(1, 1 / (1 + np.exp(-logits - shift)))
    chances = 1 / (1 + np.exp(-logits))
    return performance(
        *performance_facts("current", MODEL, labels, chances, 0.5, SETTINGS.risk_bands)
    )


def test_probabilities_that_are_too_low_turn_the_light_of_calibration_red() -> None:
    found = calibrated(calibration(0.6, seed=0))
    assert found.light == "red"
    assert "current observed expected ratio" in found.sentence
    nothing = performance(pending("issued", "none"), pending("current", "none"))
    assert calibrated(nothing).light == "grey"


def test_calibrated_months_turn_red_about_as_rarely_as_stated() -> None:
    lights = [calibrated(calibration(0.0, seed)).light for seed in range(60)]
    assert lights.count("red") <= 3  # 1 % of months is stated: more has a chance below 1 in 300


def test_no_light_is_green_for_applicants_who_lack_what_the_model_was_trained_with() -> None:
    dark = [
        Fact("feature", "missing_share", "fe_1", 1.0),
        Fact("feature", "missing_share_change", "fe_1", 0.95),
    ]
    found = facts_table(MONTH, MODEL, dark, DRIFT.schema).to_pandas()
    good = performance_below_interval(performance(auc(0.9, 0.02)), {}, SETTINGS)
    assert good.light == "green"
    judged = of_other_applicants(good, found, SETTINGS)
    assert judged.light == "amber"
    assert "fe_1" in judged.sentence
    assert of_other_applicants(good, drift(0.0, {}), SETTINGS).light == "green"


def test_drift_without_scores_is_not_known() -> None:
    unknown = [Fact("score", "psi", "probability", status="no_model")]
    table = facts_table(MONTH, None, unknown, DRIFT.schema).to_pandas()
    assert drifted([table], SETTINGS).light == "grey"


def test_performance_is_grey_while_pending_and_never_green() -> None:
    facts = performance(pending("issued", "no scores were issued"), pending("current", "none"))
    assert performance_below_interval(facts, {}, SETTINGS).light == "grey"


def test_an_auc_below_that_of_its_model_by_more_than_noise_is_red_on_either_basis() -> None:
    before: dict[str, Any] = {MODEL: (0.90, 0.88, 0.92)}
    within = performance(auc(0.87, 0.04))
    assert performance_below_interval(within, before, SETTINGS).light == "green"
    for basis in ("current", "issued"):
        below = performance_below_interval(
            performance(auc(0.89, 0.04), auc(0.80, 0.04, basis)), before, SETTINGS
        )
        assert below.light == "red"
        assert f"{basis} AUC is below the 0.900 out of time of its model" in below.sentence


def test_an_auc_below_the_minimum_is_red_whatever_its_model_was_before() -> None:
    found = performance_below_interval(performance(auc(0.6, 0.05)), {}, SETTINGS)
    assert found.light == "red"
    assert "below the minimum of 0.7" in found.sentence


def test_two_hundred_months_of_unchanged_performance_turn_red_about_as_rarely_as_stated() -> None:
    """1 % a month and basis: 200 months give 2 on average, and 6 or more in 1 of 60 cases."""
    generator = np.random.default_rng(3)
    reds = sum(
        performance_below_interval(
            performance(*measured(generator, 300)),
            {MODEL: out_of_time(generator, 600)},
            SETTINGS,
        ).light
        == "red"
        for _ in range(200)
    )
    assert reds <= 6


def measured(generator: np.random.Generator, size: int) -> list[Fact]:
    labels = (generator.random(size) < 0.3).astype(np.int64)
    scores = 1 / (1 + np.exp(-(generator.normal(size=size) + 1.8 * labels - 1.5)))
    return [
        one
        for one in performance_facts("current", MODEL, labels, scores, 0.5, (0.2, 0.5))
        if one.metric == "auc"
    ]


def out_of_time(generator: np.random.Generator, size: int) -> tuple[float, float, float]:
    (one,) = measured(generator, size)
    assert one.value is not None
    assert one.lower is not None
    assert one.upper is not None
    return one.value, one.lower, one.upper
