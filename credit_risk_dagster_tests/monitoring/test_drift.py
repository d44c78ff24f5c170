"""What is measured of a month's applicants against the reference of their model."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from credit_risk_dagster.monitoring.drift import (
    count_inputs,
    drift_facts,
    samples_of,
    significant_shifts,
)
from credit_risk_dagster.monitoring.facts import Fact, facts_table
from credit_risk_dagster.monitoring.reference import Reference
from credit_risk_dagster.monitoring.stability import (
    NOISE_LEVEL,
    bin_counts,
    population_stability_index,
    reference_bins,
)
from credit_risk_dagster.settings import MonitoringSettings
from credit_risk_dagster.tables.monitoring import DRIFT

SETTINGS = MonitoringSettings()
MIXES = ("Bad", "Good", "Standard")


def population(generator: np.random.Generator, size: int) -> tuple[pd.DataFrame, pd.Series]:
    """Applicants as a model sees them, a twentieth without an income, and their scores."""
    income = generator.lognormal(8, 0.5, size)
    income[generator.random(size) < 0.05] = np.nan
    inputs = pd.DataFrame(
        {
            "income": income,
            "age": generator.normal(40, 10, size),
            "delays": generator.poisson(3, size).astype(float),
            "credit_mix": generator.choice(MIXES, size),
        }
    )
    return inputs, pd.Series(generator.beta(2, 5, size), name="probability")


def reference(generator: np.random.Generator, size: int = 2000) -> Reference:
    inputs, scores = population(generator, size)
    return Reference(
        input_bins={str(name): reference_bins(str(name), inputs[name]) for name in inputs},
        score_bins=reference_bins("probability", scores),
        inputs=inputs,
        scores=scores,
    )


def facts_of(
    before: Reference, inputs: pd.DataFrame, scores: pd.Series, batches: int = 1
) -> list[Fact]:
    """Return the facts of applicants who come in so many batches."""
    samples = samples_of(before)
    edges = np.linspace(0, len(inputs), batches + 1).astype(int)
    parts = [inputs.iloc[start:end] for start, end in pairwise(edges)]
    counted = reduce(add, [count_inputs(before, samples, part) for part in parts])
    return drift_facts(before, samples, counted, scores, SETTINGS)


def by_subject(facts: list[Fact], metric: str) -> dict[str, Fact]:
    return {fact.subject: fact for fact in facts if fact.metric == metric}


def frame(facts: list[Fact]) -> pd.DataFrame:
    return facts_table("2024-09-01", "model", facts, DRIFT.schema).to_pandas()


def test_a_shift_of_known_size_is_flagged_in_the_month_it_starts_and_nothing_else_is() -> None:
    generator = np.random.default_rng(11)
    before = reference(generator)
    for shift, expected in ((0.0, []), (8.0, ["age"])):
        inputs, scores = population(generator, 500)
        facts = facts_of(before, inputs.assign(age=inputs["age"] + shift), scores)
        assert [found["subject"] for found in significant_shifts(frame(facts))] == expected


def test_the_psi_of_a_known_shift_is_that_of_theory() -> None:
    """For normal scores moved by d deviations, PSI in infinitely fine bins is d squared."""
    generator = np.random.default_rng(12)
    before = reference(generator, 50_000)
    inputs, scores = population(generator, 50_000)
    facts = facts_of(before, inputs.assign(age=inputs["age"] + 5), scores)
    value = by_subject(facts, "csi")["age"].value
    assert value is not None
    assert 0.85 * 0.25 < value < 0.25


def test_two_hundred_months_without_drift_raise_no_more_alarms_than_stated() -> None:
    generator = np.random.default_rng(13)
    beyond, significant = [], 0
    for _ in range(200):
        facts = facts_of(reference(generator, 1000), *population(generator, 500))
        beyond += [fact.status == "beyond_noise" for fact in facts if fact.metric in ("psi", "csi")]
        significant += len(significant_shifts(frame(facts)))

    error = np.sqrt(NOISE_LEVEL * (1 - NOISE_LEVEL) / len(beyond))
    assert len(beyond) == 1000
    assert np.mean(beyond) <= NOISE_LEVEL + 3 * error
    assert significant == 0


def test_missing_values_are_compared_with_those_of_the_reference() -> None:
    generator = np.random.default_rng(14)
    before = reference(generator)
    inputs, scores = population(generator, 400)
    inputs.loc[:99, "income"] = np.nan
    facts = facts_of(before, inputs, scores)

    change = by_subject(facts, "missing_share_change")
    share = by_subject(facts, "missing_share")["income"].value
    assert share == inputs["income"].isna().mean() > 0.25
    assert change["income"].value == pytest.approx(share - before.inputs["income"].isna().mean())
    assert (change["income"].status, change["age"].status) == ("beyond_noise", "within_noise")


def test_a_category_that_the_reference_never_saw_is_counted() -> None:
    generator = np.random.default_rng(15)
    before = reference(generator)
    inputs, scores = population(generator, 400)
    inputs.loc[:3, "credit_mix"] = "Excellent"
    unseen = by_subject(facts_of(before, inputs, scores), "unseen_share")

    assert unseen["credit_mix"].value == 0.01
    assert unseen["credit_mix"].status == "beyond_noise"
    assert list(unseen) == ["credit_mix"]


def test_scores_are_shown_in_the_bins_of_the_reference() -> None:
    generator = np.random.default_rng(16)
    before = reference(generator)
    inputs, _ = population(generator, 400)
    worse = pd.Series(np.full(400, 0.99))
    facts = facts_of(before, inputs, worse)

    shares = {name: fact.value for name, fact in by_subject(facts, "score_share").items()}
    assert list(shares) == [f"decile {number:02d}" for number in range(1, 11)]
    assert shares["decile 10"] == 1.0
    assert sum(value or 0 for value in shares.values()) == 1.0
    assert by_subject(facts, "mean_probability")["probability"].value == pytest.approx(0.99)


def test_a_feature_that_went_dark_has_no_ks_and_is_missing_throughout() -> None:
    generator = np.random.default_rng(17)
    before = reference(generator)
    inputs, scores = population(generator, 400)
    facts = facts_of(before, inputs.assign(income=np.nan), scores)

    assert "income" not in by_subject(facts, "ks_drift")
    assert by_subject(facts, "missing_share")["income"].value == 1.0
    assert by_subject(facts, "csi")["income"].band == "significant"


def test_figures_are_the_same_however_many_batches_the_applicants_come_in() -> None:
    generator = np.random.default_rng(18)
    before = reference(generator)
    inputs, scores = population(generator, 403)
    assert facts_of(before, inputs, scores, batches=7) == facts_of(before, inputs, scores)


def test_figures_are_those_of_the_whole_columns() -> None:
    generator = np.random.default_rng(19)
    before = reference(generator)
    inputs, scores = population(generator, 400)
    facts = facts_of(before, inputs, scores, batches=3)
    distances = by_subject(facts, "ks_drift")
    for name in ("income", "age", "delays"):
        now, then = inputs[name].dropna(), before.inputs[name].dropna()
        assert distances[name].value == pytest.approx(ks_2samp(then, now).statistic, abs=1e-12)
        csi = population_stability_index(
            before.input_bins[name].counts, bin_counts(before.input_bins[name], inputs[name])
        )
        assert by_subject(facts, "csi")[name].value == csi.value
    assert distances["probability"].value == pytest.approx(
        ks_2samp(before.scores, scores).statistic, abs=1e-12
    )
