"""What must hold for a score to be free of the future, computed again from what is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.lender import mean_of, months_of
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.lineage import all_records, versions_behind
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.months import month_range
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import STORED
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.silver import SILVER

TOLERANCE = 1e-9

Record = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """One thing that must hold for a score to be free of the future, and whether it does."""

    holds: bool
    sentence: str


@dataclass(frozen=True)
class Revision:
    """A score of a loan, and the datamart as it was when the score was made.

    Attributes:
        score: the row of predictions.
        datamart: reads what the score was made of in the versions of then; None for a score that a
            release before issued and a correction superseded: its features were not kept.
    """

    score: Record
    datamart: Datamart | None


def issued_revisions(datamart: Datamart, month: str, loan_id: str) -> list[Revision]:
    """Return every score of a loan, the issued one first, with what each was made of."""
    scores = rows_of(datamart, PREDICTIONS, month, "loan_id", loan_id)
    scores.sort(key=lambda row: row["revision"])
    records = [one for one in all_records(datamart, PREDICTIONS) if one.month == month]
    made_in: dict[int, MonthRecord | None] = {}
    for record in records:
        numbers = _revisions_in(datamart, record)
        for number in numbers:
            made_in.setdefault(number, record if number == max(numbers) else None)
    return [
        Revision(row, datamart.at(versions_behind(datamart, STORED, record)) if record else None)
        for row in scores
        for record in [made_in[row["revision"]]]
    ]


def _revisions_in(datamart: Datamart, record: MonthRecord) -> list[int]:
    """Return the revisions that a record of a month's scores holds."""
    at = datamart.at({(record.table, record.month): record.version})
    numbers: list[int] = (
        at.read(PREDICTIONS, [record.month], ["revision"])["revision"].unique().to_pylist()
    )
    return numbers


def rows_of(datamart: Datamart, table: Table, month: str, column: str, value: str) -> list[Record]:
    """Return the rows of a month with a value in a column; none if the month was never run."""
    if datamart.record(table, month) is None:
        return []
    files = [str(path) for path in datamart.files(table, [month])]
    stored = ds.dataset(files, schema=table.schema, format="parquet")
    rows = stored.to_table(filter=pc.field(column) == value)
    records: list[Record] = rows.to_pylist()
    return records


def input_claims(
    settings: Settings, datamart: Datamart, month: str, features: Record, hashes: Mapping[str, str]
) -> list[Claim]:
    """Claim that nothing that the features were made of is dated after the application."""
    newest_partition = max(name.rpartition("/")[2] for name in hashes)
    latest_input = features["latest_input_date"].isoformat()
    return [
        Claim(
            newest_partition <= month, f"the newest partition that was read is {newest_partition}"
        ),
        Claim(latest_input <= month, f"the newest input of the features is dated {latest_input}"),
        *(_panel_claim(panel, settings, datamart, month, features) for panel in CONTRACT.panels),
    ]


def _panel_claim(
    panel: Source, settings: Settings, datamart: Datamart, month: str, features: Record
) -> Claim:
    """Compute the means again from the rows up to the month: a later row would show in them."""
    rows = [
        row
        for read in month_range(settings.first_month, month)
        for row in rows_of(
            datamart, SILVER[panel.name], read, "customer_id", features["customer_id"]
        )
    ]
    same = features[months_of(panel.name)] == len(rows)
    for reading in panel.readings():
        seen = [row[reading.name] for row in rows if row[reading.name] is not None]
        mean = sum(seen) / len(seen) if seen else None
        stored = features[mean_of(reading.name)]
        same &= stored == mean or (
            stored is not None and mean is not None and isclose(stored, mean, abs_tol=TOLERANCE)
        )
    verb = "are" if same else "are NOT"
    return Claim(
        same,
        f"the means of {panel.name} {verb} those of the {len(rows)} rows up to the application",
    )


def model_claims(
    models: ModelStore, month: str, revisions: Sequence[Revision], model: Record | None
) -> list[Claim]:
    """Claim that the model could be trained by then, and that every score is its own.

    Args:
        models: where the models are.
        month: the application month.
        revisions: the applicant's scores, the issued one first.
        model: the model that was in production, with its training window.
    """
    if model is None:
        return [Claim(not revisions, "no model was in production, and no score was issued")]
    cohorts = model["fitted_on_cohorts"] + model["judged_on_cohorts"]
    trained = f"the model was trained in {model['trained_in']} on labels known by {max(cohorts)}"
    claims = [Claim(max(cohorts) < model["trained_in"] <= month, trained)]
    if not revisions:
        return [*claims, Claim(False, "the model issued no score for this applicant")]
    return [*claims, *(_score_claim(models, month, revision) for revision in revisions)]


def _score_claim(models: ModelStore, month: str, revision: Revision) -> Claim:
    """Ask the model of then again, with the features of then."""
    issued = revision.score
    label = "the issued score" if issued["revision"] == 0 else f"revision {issued['revision']}"
    named = f"{issued['probability']:.6f} by {issued['model_id']}"
    if revision.datamart is None:
        return Claim(
            True,
            f"{label}, {named}, is as it was recorded; the release that issued it did not keep the "
            "features that a correction has replaced since",
        )
    production = production_record(revision.datamart, month)
    features = rows_of(revision.datamart, FEATURES_TABLE, month, "loan_id", issued["loan_id"])
    if production["model_id"] != issued["model_id"] or not features:
        return Claim(False, f"{label}, {named}, is NOT of the model and features of then")
    pipeline = models.load(production["model_id"], production["model_sha256"])
    again = float(score(pipeline, pd.DataFrame([features[0]]))[0])
    holds = isclose(again, issued["probability"], abs_tol=TOLERANCE)
    verb = "is" if holds else "is NOT"
    return Claim(
        holds,
        f"{label}, {named}, {verb} what this model gives from the features of then when it is "
        f"asked again ({again:.6f})",
    )
