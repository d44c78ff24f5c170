"""Applicants who come in batches are looked at as if they came at once."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from credit_risk_dagster.contract.candidates import CANDIDATES
from credit_risk_dagster.contract.features import FEATURE_OF
from credit_risk_dagster.models.explanation import explain
from credit_risk_dagster.models.reference import model_inputs
from credit_risk_dagster.monitoring.applicants import Applicants, look_at
from credit_risk_dagster.monitoring.drift import drift_facts, samples_of
from credit_risk_dagster.monitoring.reference import Reference, freeze_reference
from credit_risk_dagster.settings import MonitoringSettings
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained

MONTH = loan_frame(10, seed=1)


def reference_of(candidate: str) -> Reference:
    loans, result = loan_frame(), trained(candidate)
    return freeze_reference(
        model_inputs(result.model, loans),
        loans["loan_id"],
        pd.Series(result.oot_probabilities),
        pd.Series(result.oot_loan_ids),
    )


def seen(candidate: str, sizes: list[int], stride: int = 3) -> Applicants:
    edges = np.cumsum([0, *sizes])
    batches = [MONTH.iloc[start:end] for start, end in pairwise(edges)]
    reference = reference_of(candidate)
    pipeline = trained(candidate).model
    return look_at(batches, pipeline, reference, samples_of(reference), stride)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_facts_importance_and_shown_applicants_do_not_depend_on_the_batches(
    candidate: str,
) -> None:
    pipeline, reference = trained(candidate).model, reference_of(candidate)
    whole, cut = seen(candidate, [len(MONTH)]), seen(candidate, [1, 50, len(MONTH) - 51])
    scores = pd.Series(np.linspace(0, 1, len(MONTH)))
    one, other = (
        drift_facts(reference, samples_of(reference), part.counts, scores, MonitoringSettings())
        for part in (whole, cut)
    )
    assert one == other
    expected = explain(pipeline, MONTH).contributions.abs().mean()
    by_feature = cut.importance.groupby(FEATURE_OF).sum()
    np.testing.assert_allclose(by_feature[expected.index], expected, rtol=1e-9)
    assert by_feature.sum() == pytest.approx(expected.sum())
    every_third = model_inputs(pipeline, MONTH).iloc[::3].reset_index(drop=True)
    pd.testing.assert_frame_equal(cut.shown, every_third)


def test_without_a_report_no_applicant_is_kept() -> None:
    assert seen("logistic_regression", [len(MONTH)], stride=0).shown.empty
