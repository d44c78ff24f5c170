"""Evidently's drift report, behind this one module: for people to read, not for our figures."""

import os
from pathlib import Path

import pandas as pd

from credit_risk_dagster.monitoring.reference import PROBABILITY, Reference


def write_drift_report(
    path: Path,
    reference: Reference,
    inputs: pd.DataFrame,
    scores: pd.Series,
    importance: pd.Series,
    feature_count: int,
    threshold: float,
) -> bool:
    """Write the drift of the score and of the most important features as one HTML file.

    Evidently raises on columns that are all missing on a side: those are left out here, and their
    missing share is a monitoring fact of ours.

    Args:
        path: where the file goes; replaced if it is there.
        reference: what the model was trained and judged on.
        inputs: the month's applicants as the model sees them.
        scores: their probabilities of default.
        importance: of each feature, to choose the most important ones by.
        feature_count: how many features; 0 for no report.
        threshold: the PSI, in Evidently's own bins, from which it calls a column drifted.

    Returns:
        Whether a report was written.
    """
    if feature_count == 0:
        return False
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    wanted = importance.sort_values(ascending=False, kind="stable").index[:feature_count]
    names = [
        name
        for name in wanted
        if inputs[name].notna().any() and reference.inputs[name].notna().any()
    ]
    # Inputs and scores are of different loans; what the shorter lacks is missing, and ignored.
    before = pd.concat([reference.inputs[names], reference.scores.rename(PROBABILITY)], axis=1)
    now = inputs[names].assign(**{PROBABILITY: scores.to_numpy()})
    report = Report([DataDriftPreset(method="psi", threshold=threshold)])
    snapshot = report.run(Dataset.from_pandas(now), Dataset.from_pandas(before))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    snapshot.save_html(str(beside))
    beside.replace(path)
    return True
