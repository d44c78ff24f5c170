"""What a model's months are compared with: bins and rows frozen when it was trained."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from credit_risk_dagster.models.row_sample import sampled
from credit_risk_dagster.monitoring.stability import ReferenceBins, reference_bins

BINS_FILE = "reference_bins.json"
INPUTS_FILE = "reference_inputs.parquet"
SCORES_FILE = "reference_scores.parquet"
KEPT_ROWS = 20_000
"""Reference rows kept for two-sample tests; bins are counted on all of them."""

PROBABILITY = "probability"


@dataclass(frozen=True, eq=False)
class Reference:
    """Bins of every model input and of the score, with the rows behind them.

    `inputs` are the training rows as the model saw them; `scores` the scores of the out-of-time
    rows, because in-sample scores are sharper than those of any later month.
    """

    input_bins: dict[str, ReferenceBins]
    score_bins: ReferenceBins
    inputs: pd.DataFrame
    scores: pd.Series

    def save(self, folder: Path) -> None:
        """Write the reference into a model's folder."""
        bins = [*self.input_bins.values(), self.score_bins]
        text = json.dumps([one.to_dict() for one in bins])
        (folder / BINS_FILE).write_text(text, encoding="utf-8")
        self.inputs.to_parquet(folder / INPUTS_FILE, index=False)
        self.scores.to_frame(PROBABILITY).to_parquet(folder / SCORES_FILE, index=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the reference from a model's folder."""
        records = json.loads((folder / BINS_FILE).read_text(encoding="utf-8"))
        bins = [ReferenceBins.from_dict(record) for record in records]
        return cls(
            input_bins={one.feature: one for one in bins[:-1]},
            score_bins=bins[-1],
            inputs=pd.read_parquet(folder / INPUTS_FILE),
            scores=pd.read_parquet(folder / SCORES_FILE)[PROBABILITY],
        )


def freeze_reference(
    inputs: pd.DataFrame,
    loan_ids: pd.Series,
    out_of_time_scores: pd.Series,
    out_of_time_loan_ids: pd.Series,
) -> Reference:
    """Fix the bins on all rows and keep a sample of them, chosen by the hash of their loans.

    So the sample does not depend on the order of rows, and no cohort is left out of it. What is
    kept is 20,000 rows at most, whatever a model was trained on.

    Args:
        inputs: training rows as the model sees them.
        loan_ids: their loans.
        out_of_time_scores: scores of the out-of-time rows.
        out_of_time_loan_ids: their loans.
    """
    keep = sampled(loan_ids, KEPT_ROWS)
    keep_scores = sampled(out_of_time_loan_ids, KEPT_ROWS)
    return Reference(
        input_bins={name: reference_bins(name, inputs[name]) for name in map(str, inputs)},
        score_bins=reference_bins(PROBABILITY, out_of_time_scores),
        inputs=inputs[keep].reset_index(drop=True),
        scores=out_of_time_scores[keep_scores].reset_index(drop=True),
    )
