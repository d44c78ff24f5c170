"""The proof of one score: from raw rows to outcome, with the date of everything it used."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.command_line.proof_claims import (
    Claim,
    Record,
    input_claims,
    model_claims,
    rows_of,
)
from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.contract.sources import SOURCES, Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.gold import FEATURES_TABLE, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.judgement import CORRECTIONS
from credit_risk_dagster.tables.silver import SILVER

MASK = "masked"
PENDING = "pending"
NO_LABEL = f"no label: not in the book at month on book {LABEL_MONTH_ON_BOOK}"


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
    scores = rows_of(datamart, PREDICTIONS, month, "loan_id", loan_id)
    scores.sort(key=lambda row: row["revision"])
    model = _model(datamart, models, month)
    hashes = _hashes(datamart, month)
    return Proof(
        loan_id=loan_id,
        application_month=month,
        raw=raw,
        corrections=_corrections(datamart, customer, loan_id, month),
        features=features,
        scores=scores,
        model=model,
        outcome=_outcome(datamart, loan_id, month),
        hashes=hashes,
        claims=[
            *input_claims(settings, datamart, month, features, hashes),
            *model_claims(datamart, models, month, features, scores, model),
        ],
    )


def _application(datamart: Datamart, loan_id: str) -> tuple[str, Record]:
    for month in reversed(datamart.months(FEATURES_TABLE)):
        rows = rows_of(datamart, FEATURES_TABLE, month, "loan_id", loan_id)
        if rows:
            return month, rows[0]
    months = datamart.months(FEATURES_TABLE)
    span = f"{months[0][:7]} to {months[-1][:7]}" if months else "no month yet"
    raise PlatformError(
        f"No application with the loan {loan_id} in the datamart, which holds {span}. "
        "A loan_id is written like CUS_0x1037_2023_01_01."
    )


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
            for row in rows_of(datamart, BRONZE[source.name], read, column, value)
        ]
    return found


def _masked(source: Source, row: Record) -> Record:
    return {name: MASK if name in source.personal else value for name, value in row.items()}


def _corrections(datamart: Datamart, customer: str, loan_id: str, month: str) -> dict[str, str]:
    found = {}
    for name, table in SILVER.items():
        column, value = ("loan_id", loan_id) if name == "loans" else ("customer_id", customer)
        rows = rows_of(datamart, table, month, column, value)
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
    rows = rows_of(datamart, LABELS, matures, "loan_id", loan_id)
    if not rows and datamart.manifest(LABELS, matures) is None:
        return {"status": PENDING, "matures_in": matures}
    if not rows:
        return {"status": NO_LABEL, "matured_in": matures}
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
