"""What must hold for a score to be free of the future, computed again from what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from credit_risk_dagster.contract.features import CLICKSTREAM_FEATURES, CLICKSTREAM_MONTHS
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.staged_rows import is_as_recorded
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.months import month_range
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.silver import SILVER

TOLERANCE = 1e-9

Record = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """One thing that must hold for a score to be free of the future, and whether it does."""

    holds: bool
    sentence: str


def rows_of(datamart: Datamart, table: Table, month: str, column: str, value: str) -> list[Record]:
    """Return the rows of a month with a value in a column; none if the month was never run."""
    if datamart.manifest(table, month) is None:
        return []
    rows = ds.dataset(datamart.file(table, month)).to_table(filter=pc.field(column) == value)
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
        _clickstream_claim(settings, datamart, month, features),
    ]


def _clickstream_claim(
    settings: Settings, datamart: Datamart, month: str, features: Record
) -> Claim:
    """Compute the means again from the rows up to the month: a later row would show in them."""
    rows = [
        row
        for read in month_range(settings.first_month, month)
        for row in rows_of(
            datamart, SILVER["clickstream"], read, "customer_id", features["customer_id"]
        )
    ]
    same = features[CLICKSTREAM_MONTHS] == len(rows)
    for name in CLICKSTREAM_FEATURES:
        seen = [row[name] for row in rows if row[name] is not None]
        mean = sum(seen) / len(seen) if seen else None
        stored = features[f"{name}_mean"]
        same &= stored == mean or (
            stored is not None and mean is not None and isclose(stored, mean, abs_tol=TOLERANCE)
        )
    verb = "are" if same else "are NOT"
    return Claim(
        same, f"the clickstream means {verb} those of the {len(rows)} rows up to the application"
    )


def model_claims(
    datamart: Datamart,
    models: ModelStore,
    month: str,
    features: Record,
    scores: list[Record],
    model: Record | None,
) -> list[Claim]:
    """Claim that the model could be trained by then, and that the scores are its own.

    Args:
        datamart: where the tables are.
        models: where the models are.
        month: the application month.
        features: the applicant's row of gold.
        scores: the applicant's scores, the issued one first.
        model: the model that was in production, with its training window.
    """
    if model is None:
        return [Claim(not scores, "no model was in production, and no score was issued")]
    cohorts = model["fitted_on_cohorts"] + model["judged_on_cohorts"]
    trained = f"the model was trained in {model['trained_in']} on labels known by {max(cohorts)}"
    claims = [Claim(max(cohorts) < model["trained_in"] <= month, trained)]
    if not scores:
        return [*claims, Claim(False, "the model issued no score for this applicant")]
    newest = scores[-1]
    pipeline = models.load(model["model_id"], model["sha256"])
    again = float(score(pipeline, pd.DataFrame([features]))[0])
    reproduced = newest["model_id"] == model["model_id"] and isclose(
        again, newest["probability"], abs_tol=TOLERANCE
    )
    return [
        *claims,
        Claim(
            reproduced, f"this model gives {again:.6f} from these features when it is asked again"
        ),
        *(_superseded_claim(datamart, month, earlier) for earlier in scores[:-1]),
    ]


def _superseded_claim(datamart: Datamart, month: str, earlier: Record) -> Claim:
    """The features of an earlier revision were corrected: only its record can speak for it."""
    recorded = datamart.required_manifest(PREDICTIONS, month).content_hash
    kept = is_as_recorded(PREDICTIONS, datamart.file(PREDICTIONS, month), recorded)
    revision, score_then = earlier["revision"], f"{earlier['probability']:.6f}"
    named = "the issued score, revision 0" if revision == 0 else f"revision {revision}"
    return Claim(
        kept,
        f"{named}, {score_then} by {earlier['model_id']}, {'is' if kept else 'is NOT'} as it was "
        "recorded; a correction has replaced the features behind it, so it is not computed again",
    )
