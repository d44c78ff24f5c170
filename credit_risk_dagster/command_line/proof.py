"""The proof of one score: from raw rows to outcome, with the date of everything it used.

A score is proved on what was known when it was issued: the versions of the tables that it was made
of. What a later correction made of it stands beside.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from credit_risk_dagster.assets.history import production_record
from credit_risk_dagster.command_line.proof_claims import (
    Claim,
    Record,
    Revision,
    input_claims,
    issued_revisions,
    model_claims,
    rows_of,
)
from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import CUSTOMER_ID, LOAN_ID, Shape, Source
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.resources.model_store import ModelStore
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.gold import FEATURES_TABLE, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster.tables.judgement import CORRECTIONS
from credit_risk_dagster.tables.panel import SO_FAR
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
        corrections_since: what each later revision was made of: the features that a corrected
            delivery changed, as they were and as they became.
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
    corrections_since: list[Record]
    model: Record | None
    outcome: Record
    hashes: Mapping[str, str]
    claims: list[Claim]

    def to_dict(self) -> Record:
        """Return the proof as what JSON can hold, but for dates."""
        return asdict(self)


def prove_score(
    settings: Settings,
    datamart: Datamart,
    models: ModelStore,
    loan_id: str,
    as_of: datetime | None = None,
) -> Proof:
    """Collect the proof of a loan's score.

    Args:
        settings: the installation.
        datamart: its tables.
        models: its models.
        loan_id: the loan.
        as_of: the moment as of which everything is read; by default inputs are read as they were
            when the score was issued, and the outcome as it is known now.

    Raises:
        PlatformError: if no month has an application with this loan.
    """
    now = datamart.as_of(as_of) if as_of is not None else datamart
    month = _application_month(now, loan_id)
    revisions = issued_revisions(now, month, loan_id)
    issued = revisions[0].datamart if revisions and as_of is None else None
    then = issued or now
    features = _features(then, month, loan_id)
    customer = features["customer_id"]
    hashes = _hashes(then, month)
    return Proof(
        loan_id=loan_id,
        application_month=month,
        raw=_raw_rows(settings, then, customer, loan_id, month),
        corrections=_corrections(then, customer, loan_id, month),
        features=features,
        scores=[revision.score for revision in revisions],
        corrections_since=[
            _correction(revision, features, month, loan_id) for revision in revisions[1:]
        ],
        model=_model(then, models, month),
        outcome=_outcome(now, loan_id, month),
        hashes=hashes,
        claims=[
            *input_claims(settings, then, month, features, hashes),
            *model_claims(models, month, revisions, _model(then, models, month)),
        ],
    )


def _application_month(datamart: Datamart, loan_id: str) -> str:
    months = datamart.months(FEATURES_TABLE)
    for month in reversed(months):
        for table in (FEATURES_TABLE, PREDICTIONS):
            if rows_of(datamart, table, month, "loan_id", loan_id):
                return month
    if not months:
        held = "which holds no month yet. Run the months first"
    else:
        held = f"which holds {months[0][:7]} to {months[-1][:7]}{_example(datamart, months)}"
    raise PlatformError(f"No application with the loan {loan_id} in the datamart, {held}.")


def _example(datamart: Datamart, months: list[str]) -> str:
    """Show how a loan is named, by one of the newest month that has any."""
    for month in reversed(months):
        for loan_id in datamart.read(FEATURES_TABLE, [month], [LOAN_ID])[LOAN_ID][:1].to_pylist():
            return f". A loan is named like {loan_id}"
    return ""


def _features(datamart: Datamart, month: str, loan_id: str) -> Record:
    rows = rows_of(datamart, FEATURES_TABLE, month, "loan_id", loan_id)
    if not rows:
        raise PlatformError(
            f"{loan_id} was not among the applicants of {month[:7]} at that time: a correction has "
            "brought it or taken it away. Give another date with --as-of."
        )
    return rows[0]


def _correction(revision: Revision, issued: Record, month: str, loan_id: str) -> Record:
    """Return which features were changed between the issued score and a revision."""
    number = {"revision": revision.score["revision"]}
    if revision.datamart is None:  # its features were not kept
        return {**number, "features": {}}
    rows = rows_of(revision.datamart, FEATURES_TABLE, month, "loan_id", loan_id)
    became = rows[0] if rows else {}
    changed = {
        name: {"issued": issued[name], "corrected": became.get(name)}
        for name in issued
        if became.get(name) != issued[name]
    }
    return {**number, "features": changed}


def _raw_rows(
    settings: Settings, datamart: Datamart, customer: str, loan_id: str, month: str
) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for source in CONTRACT.sources:
        first = settings.first_month if source.shape is Shape.PANEL else month
        name, value = _of_applicant(source, customer, loan_id)
        column = source.column(name).header
        found[source.name] = [
            _masked(source, row)
            for read in month_range(first, month)
            for row in rows_of(datamart, BRONZE[source.name], read, column, value)
        ]
    return found


def _of_applicant(source: Source, customer: str, loan_id: str) -> tuple[str, str]:
    """Return the column of silver by which a source knows an applicant, and its value."""
    is_book = source.shape is Shape.LOAN_BOOK
    return (LOAN_ID, loan_id) if is_book else (CUSTOMER_ID, customer)


def _masked(source: Source, row: Record) -> Record:
    return {name: MASK if name in source.personal_headers else value for name, value in row.items()}


def _corrections(datamart: Datamart, customer: str, loan_id: str, month: str) -> dict[str, str]:
    found = {}
    for source in CONTRACT.sources:
        column, value = _of_applicant(source, customer, loan_id)
        rows = rows_of(datamart, SILVER[source.name], month, column, value)
        found[source.name] = "; ".join(row[CORRECTIONS] for row in rows if row[CORRECTIONS])
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
    if not rows and datamart.record(LABELS, matures) is None:
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
    scores = datamart.record(PREDICTIONS, month)
    hashes = dict(scores.inputs) if scores else {}
    hashes |= datamart.required_record(FEATURES_TABLE, month).inputs
    hashes |= _hashes_of_states(datamart, month, hashes)
    for name, table in SILVER.items():
        hashes |= datamart.required_record(table, month).inputs
        hashes |= datamart.required_record(BRONZE[name], month).inputs
    return dict(sorted(hashes.items()))


def _hashes_of_states(datamart: Datamart, month: str, read: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes of what the states of panels were made of, month before month."""
    hashes = dict(read)
    while states := [one for one in SO_FAR.values() if one.partition(month) in hashes]:
        for state in states:
            hashes |= datamart.required_record(state, month).inputs
        month = add_months(month, -1)
    return hashes
