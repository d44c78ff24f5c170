"""The proof of one score: from raw rows to outcome, with the date of everything it used."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isclose
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from credit_risk_dagster.datamart import Datamart
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.features import CLICKSTREAM_FEATURES, CLICKSTREAM_MONTHS, LABEL
from credit_risk_dagster.history import production_record
from credit_risk_dagster.model_store import ModelStore
from credit_risk_dagster.models.scoring import score
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.sources import SOURCES, Source
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.gold import FEATURES_TABLE, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.judgement import CORRECTIONS
from credit_risk_dagster.tables.silver import SILVER
from credit_risk_dagster.tables.table import Table

MASK = "masked"
PENDING = "pending"
TOLERANCE = 1e-9

Record = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """One thing that must hold for a score to be free of the future, and whether it does."""

    holds: bool
    sentence: str


@dataclass(frozen=True)
class Proof:
    """Everything behind one score.

    Attributes:
        loan_id: the loan.
        application_month: when its applicant applied.
        raw: the raw rows that were read, by source, personal data masked.
        corrections: what silver took as missing, by source.
        features: the row of gold.
        scores: every revision, the issued one first.
        model: the model that was in production, with its training window.
        outcome: the label and the month in which it matured, or pending.
        hashes: content hash of every partition that the score was made of.
        claims: what makes it free of the future.
    """

    loan_id: str
    application_month: str
    raw: Mapping[str, list[Record]]
    corrections: Mapping[str, str]
    features: Record
    scores: list[Record]
    model: Record | None
    outcome: Record
    hashes: Mapping[str, str]
    claims: list[Claim]

    def to_dict(self) -> Record:
        """Return the proof as what JSON can hold, but for dates."""
        return asdict(self)


def prove_score(settings: Settings, datamart: Datamart, models: ModelStore, loan_id: str) -> Proof:
    """Collect the proof of a loan's score.

    Raises:
        PlatformError: if no month has an application with this loan.
    """
    month, features = _application(datamart, loan_id)
    customer = features["customer_id"]
    raw = _raw_rows(settings, datamart, customer, loan_id, month)
    scores = _rows_of(datamart, PREDICTIONS, month, "loan_id", loan_id)
    model = _model(datamart, models, month)
    hashes = _hashes(datamart, month)
    return Proof(
        loan_id=loan_id,
        application_month=month,
        raw=raw,
        corrections=_corrections(datamart, customer, loan_id, month),
        features=features,
        scores=sorted(scores, key=lambda row: row["revision"]),
        model=model,
        outcome=_outcome(datamart, loan_id, month),
        hashes=hashes,
        claims=[
            *_input_claims(settings, datamart, month, features, hashes),
            *_model_claims(models, month, features, scores, model),
        ],
    )


def _application(datamart: Datamart, loan_id: str) -> tuple[str, Record]:
    for month in reversed(datamart.months(FEATURES_TABLE)):
        rows = _rows_of(datamart, FEATURES_TABLE, month, "loan_id", loan_id)
        if rows:
            return month, rows[0]
    months = datamart.months(FEATURES_TABLE)
    span = f"{months[0][:7]} to {months[-1][:7]}" if months else "no month yet"
    raise PlatformError(
        f"No application with the loan {loan_id} in the datamart, which holds {span}. "
        "A loan_id is written like CUS_0x1037_2023_01_01."
    )


def _rows_of(datamart: Datamart, table: Table, month: str, column: str, value: str) -> list[Record]:
    if datamart.manifest(table, month) is None:
        return []
    rows = ds.dataset(datamart.file(table, month)).to_table(filter=pc.field(column) == value)
    records: list[Record] = rows.to_pylist()
    return records


def _raw_rows(
    settings: Settings, datamart: Datamart, customer: str, loan_id: str, month: str
) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for source in SOURCES:
        first = settings.first_month if source.name == "clickstream" else month
        column, value = (
            ("loan_id", loan_id) if source.name == "loans" else ("Customer_ID", customer)
        )
        found[source.name] = [
            _masked(source, row)
            for read in month_range(first, month)
            for row in _rows_of(datamart, BRONZE[source.name], read, column, value)
        ]
    return found


def _masked(source: Source, row: Record) -> Record:
    return {name: MASK if name in source.personal else value for name, value in row.items()}


def _corrections(datamart: Datamart, customer: str, loan_id: str, month: str) -> dict[str, str]:
    found = {}
    for name, table in SILVER.items():
        column, value = ("loan_id", loan_id) if name == "loans" else ("customer_id", customer)
        rows = _rows_of(datamart, table, month, column, value)
        found[name] = "; ".join(row[CORRECTIONS] for row in rows if row[CORRECTIONS])
    return found


def _model(datamart: Datamart, models: ModelStore, month: str) -> Record | None:
    record = production_record(datamart, month)
    if record["model_id"] is None:
        return None
    card = models.card(record["model_id"])
    window = card["window"]
    return {
        "model_id": record["model_id"],
        "in_production_because": record["reason"],
        "trained_in": card["trained_in"],
        "fitted_on_cohorts": [*window["train"], *window["test"]],
        "judged_on_cohorts": window["out_of_time"],
        "oot_auc": record["oot_auc"],
        "sha256": record["model_sha256"],
        "training_key": card["training_key"],
    }


def _outcome(datamart: Datamart, loan_id: str, month: str) -> Record:
    matures = add_months(month, LABEL_MONTH_ON_BOOK)
    rows = _rows_of(datamart, LABELS, matures, "loan_id", loan_id)
    if not rows:
        return {"status": PENDING, "matures_in": matures}
    row = rows[0]
    return {
        "status": "default" if row[LABEL] else "no default",
        "matured_in": matures,
        "days_past_due": row["days_past_due"],
    }


def _hashes(datamart: Datamart, month: str) -> dict[str, str]:
    """Return the hashes of what the score was made of, through features back to the delivery."""
    scores = datamart.manifest(PREDICTIONS, month)
    hashes = dict(scores.inputs) if scores else {}
    hashes |= datamart.required_manifest(FEATURES_TABLE, month).inputs
    for name, table in SILVER.items():
        hashes |= datamart.required_manifest(table, month).inputs
        hashes |= datamart.required_manifest(BRONZE[name], month).inputs
    return dict(sorted(hashes.items()))


def _input_claims(
    settings: Settings, datamart: Datamart, month: str, features: Record, hashes: Mapping[str, str]
) -> list[Claim]:
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
        for row in _rows_of(
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


def _model_claims(
    models: ModelStore, month: str, features: Record, scores: list[Record], model: Record | None
) -> list[Claim]:
    if model is None:
        return [Claim(not scores, "no model was in production, and no score was issued")]
    cohorts = model["fitted_on_cohorts"] + model["judged_on_cohorts"]
    trained = f"the model was trained in {model['trained_in']} on labels known by {max(cohorts)}"
    claims = [Claim(max(cohorts) < model["trained_in"] <= month, trained)]
    newest = max(scores, key=lambda row: row["revision"], default=None)
    if newest is None:
        return [*claims, Claim(False, "the model issued no score for this applicant")]
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
    ]
