"""Whether the reasons of a month's scores say what is so, as monitoring facts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from credit_risk_dagster.assets.issued_scores import REVISION, newest_scores
from credit_risk_dagster.contract.features import MODEL_INPUTS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.models.explanation import reason_inputs
from credit_risk_dagster.models.reason_quality import (
    RiskBins,
    contradicting,
    contradicting_share,
    reason_coverage,
    reasons_hold,
)
from credit_risk_dagster.models.scoring import Model
from credit_risk_dagster.monitoring.facts import BEYOND_NOISE, WITHIN_NOISE, Fact, metric_fact
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS, REASON_COUNT

REASONS = "reasons"
NAMES = [f"reason_{number}" for number in range(1, REASON_COUNT + 1)]


def reason_facts(
    datamart: Datamart, month: str, model: Model, card: Mapping[str, Any], cutoff: float
) -> list[Fact]:
    """Return the share of reasons that contradict the data, and how many applicants have two.

    None of a model of a release before, whose card does not say where loans defaulted less.
    """
    bins = {name: RiskBins.from_dict(one) for name, one in card.get("risk_bins", {}).items()}
    if not bins:
        return []
    read = ["loan_id", REVISION, "probability", *NAMES]
    scores = newest_scores(datamart.read(PREDICTIONS, [month], read)).to_pandas()
    scores = scores.set_index("loan_id")
    found, beyond = [], []
    for batch in datamart.batches(FEATURES_TABLE, [month], ["loan_id", *MODEL_INPUTS]):
        frame = batch.to_pandas()
        values, reasons = reason_inputs(model, frame), _reasons(scores.loc[frame["loan_id"]])
        found.append(contradicting(reasons, values, bins))
        beyond.append(contradicting(reasons, values, bins, beyond_noise=True))
    reasons = _reasons(scores)
    coverage = reason_coverage(reasons, scores["probability"].to_numpy(np.float64), cutoff)
    share = contradicting_share(reasons, np.concatenate(found))
    holds = reasons_hold([contradicting_share(reasons, np.concatenate(beyond)), coverage])
    status = WITHIN_NOISE if holds else BEYOND_NOISE
    return [metric_fact(REASONS, one, "overall", status) for one in (share, coverage)]


def _reasons(scores: pd.DataFrame) -> Any:
    names = scores[NAMES].to_numpy(dtype=object, copy=True)
    names[pd.isna(names)] = None
    return names
