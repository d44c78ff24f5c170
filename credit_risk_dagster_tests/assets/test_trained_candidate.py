"""What is recorded of a trained candidate counts as monitoring counts."""

import pytest

from credit_risk_dagster.assets.trained_candidate import candidate_card
from credit_risk_dagster.models.evaluation import evaluate
from credit_risk_dagster_tests.models.loan_frames import loan_frame, trained, window


@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_a_candidate_is_judged_at_the_threshold_of_the_settings(threshold: float) -> None:
    candidate = trained("logistic_regression")
    card = candidate_card("2024-09-01", "key", candidate, loan_frame(), window(), threshold)
    judged = evaluate(candidate.oot_labels, candidate.oot_probabilities, threshold)

    assert card["metrics"]["oot"]["recall"]["value"] == judged["recall"].value
    assert card["metrics"]["oot"]["precision"]["value"] == judged["precision"].value
    assert card["trained_in"] == "2024-09-01"
    assert card["model_id"].startswith("2024-09-logistic_regression-")
