"""Evidently's reports, behind this one module: for people to read, not for our figures."""

import os
from pathlib import Path
from typing import Any

import pandas as pd

from credit_risk_dagster.monitoring.reference import PROBABILITY, Reference

REPORT_ROWS = 10_000
"""Rows of a month that a report is drawn from, at most; our own figures are of all rows."""


def report_stride(rows: int) -> int:
    """Return of how many rows of a month, in the order of loans, a report gets the first."""
    return max(1, -(-rows // REPORT_ROWS))


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
        inputs: the month's applicants as the model sees them, or every so many of them.
        scores: their probabilities of default.
        importance: of each feature, to choose the most important ones by.
        feature_count: how many features; 0 for no report.
        threshold: the PSI, in Evidently's own bins, from which it calls a column drifted.

    Returns:
        Whether a report was written.
    """
    if feature_count == 0:
        return False
    evidently, presets = _evidently()

    wanted = importance.sort_values(ascending=False, kind="stable").index[:feature_count]
    names = [
        name
        for name in wanted
        if inputs[name].notna().any() and reference.inputs[name].notna().any()
    ]
    # Inputs and scores are of different loans; what the shorter lacks is missing, and ignored.
    before = pd.concat([reference.inputs[names], reference.scores.rename(PROBABILITY)], axis=1)
    now = pd.concat([inputs[names], scores.rename(PROBABILITY)], axis=1)
    report = evidently.Report([presets.DataDriftPreset(method="psi", threshold=threshold)])
    snapshot = report.run(evidently.Dataset.from_pandas(now), evidently.Dataset.from_pandas(before))
    _save(snapshot, path)
    return True


def write_classification_report(
    path: Path, labels: pd.Series, probabilities: pd.Series, threshold: float
) -> bool:
    """Write how scores separate the loans whose outcome is known, as one HTML file.

    Evidently raises where one class is missing: there is nothing to separate then. Of more than
    10,000 loans it gets every so many.

    Args:
        path: where the file goes; replaced if it is there.
        labels: 1 for default, 0 otherwise.
        probabilities: of default, row by row.
        threshold: the probability from which a loan counts as predicted bad.

    Returns:
        Whether a report was written.
    """
    frame = pd.DataFrame({"default": labels.to_numpy(), PROBABILITY: probabilities.to_numpy()})
    frame = frame.iloc[:: report_stride(len(frame))].reset_index(drop=True)
    if frame["default"].nunique() < 2:
        return False
    evidently, presets = _evidently()
    roles = evidently.BinaryClassification(
        target="default", prediction_probas=PROBABILITY, pos_label=1
    )
    definition = evidently.DataDefinition(
        classification=[roles], numerical_columns=[PROBABILITY], categorical_columns=["default"]
    )
    report = evidently.Report([presets.ClassificationPreset(probas_threshold=threshold)])
    dataset = evidently.Dataset.from_pandas(frame, data_definition=definition)
    _save(report.run(dataset, None), path)
    return True


def _evidently() -> tuple[Any, Any]:
    """Import Evidently late, because that takes seconds, and with its telemetry off."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    import evidently
    import evidently.presets

    return evidently, evidently.presets


def _save(snapshot: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    snapshot.save_html(str(beside))
    beside.replace(path)
