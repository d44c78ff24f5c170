"""Checks that nothing computed for a month read the future, and that no source has gone dark."""

from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.checks.monthly_check import Finding, MonthlyCheck
from credit_risk_dagster.checks.structure import structure_checks
from credit_risk_dagster.contract.features import LABEL
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.lender import known_of, months_of
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.months import add_months, first_day
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABEL_MONTH_ON_BOOK, LABELS
from credit_risk_dagster.tables.panel import LATEST, SO_FAR

UNLABELLED_SHARE = 0.01
"""Loans may be paid off or cancelled early; more than this share of them distorts what is left."""


def panel_checks() -> list[MonthlyCheck]:
    """Return the checks of the running state of each panel."""
    return [check for state in SO_FAR.values() for check in _state_checks(state)]


def _state_checks(state: Table) -> list[MonthlyCheck]:
    return [
        *structure_checks(state),
        MonthlyCheck(
            state,
            "nothing_from_the_future",
            partial(state_knows_no_future, state),
            "No reading of a later month is in the state, nor was a later month read.",
            blocking=True,
        ),
    ]


def gold_checks() -> list[MonthlyCheck]:
    """Return the checks of features, labels and cohort."""
    return [
        *structure_checks(FEATURES_TABLE),
        *structure_checks(LABELS),
        *structure_checks(COHORT),
        MonthlyCheck(
            FEATURES_TABLE,
            "nothing_from_the_future",
            features_know_no_future,
            "No feature was known after the month of application, nor read from a later month.",
            blocking=True,
        ),
        MonthlyCheck(
            FEATURES_TABLE,
            "no_dark_source",
            no_dark_source,
            "Every source covers the month's applicants; one that went dark is not imputed away "
            "in silence.",
        ),
        MonthlyCheck(
            COHORT,
            "nothing_from_the_future",
            cohort_knows_no_future,
            f"Every row has the features of its application month, {LABEL_MONTH_ON_BOOK} months "
            "before its label.",
            blocking=True,
        ),
        MonthlyCheck(
            COHORT,
            "every_label_has_features",
            every_label_has_features,
            "Every label that matured finds the features of its application.",
        ),
        MonthlyCheck(
            COHORT,
            "every_loan_has_a_label",
            every_loan_has_a_label,
            f"Nearly every loan originated {LABEL_MONTH_ON_BOOK} months earlier has its label: one "
            "that left the book is neither good nor bad.",
        ),
        MonthlyCheck(
            LABELS, "label_rate", label_rate, "The default rate of the cohort is plausible."
        ),
    ]


def state_knows_no_future(
    state: Table, datamart: Datamart, settings: Settings, month: str
) -> Finding:
    """Look at the newest reading of every customer, and at the months that were read."""
    rows = datamart.read(state, [month], [LATEST])
    late = pc.sum(pc.greater(rows.column(LATEST), first_day(month))).as_py() or 0
    read, future = _partitions_read(datamart, state, month)
    sentence = (
        f"{late} of {rows.num_rows} customers have a reading dated after {month[:7]}; "
        f"{future} of {read} partitions read are of a later month."
    )
    return Finding(late == 0 and not future, sentence, {"customers": rows.num_rows})


def features_know_no_future(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Look at the dates of the inputs, and at the months of the partitions that were read."""
    rows = datamart.read(FEATURES_TABLE, [month], ["latest_input_date"])
    late = pc.sum(pc.greater(rows.column("latest_input_date"), first_day(month))).as_py() or 0
    read, future = _partitions_read(datamart, FEATURES_TABLE, month)
    sentence = (
        f"{late} of {rows.num_rows} applicants have an input dated after {month[:7]}; "
        f"{future} of {read} partitions read are of a later month."
    )
    return Finding(late == 0 and not future, sentence, {"applicants": rows.num_rows})


def _partitions_read(datamart: Datamart, table: Table, month: str) -> tuple[int, int]:
    """Return how many partitions a month was made of, and how many of them are of a later month."""
    names = datamart.required_record(table, month).inputs
    return len(names), sum(name.rpartition("/")[2] > month for name in names)


def no_dark_source(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Measure the share of the month's applicants that each source knows nothing of."""
    panels = {panel.name: months_of(panel.name) for panel in CONTRACT.panels}
    applicants = {source.name: known_of(source.name) for source in CONTRACT.applicants}
    columns = [*panels.values(), *applicants.values()]
    rows = datamart.read(FEATURES_TABLE, [month], columns)
    if rows.num_rows == 0:
        return Finding(True, "No applicants in the month.")
    unknown = {
        **{name: _share(pc.equal(rows.column(column), 0)) for name, column in panels.items()},
        **{name: _share(pc.invert(rows.column(one))) for name, one in applicants.items()},
    }
    limit = settings.monitoring.dark_source_share
    dark = [name for name, share in unknown.items() if share > limit]
    shares = ", ".join(f"{name} {share:.1%}" for name, share in unknown.items())
    sentence = f"Applicants without a source: {shares}."
    if dark:
        sentence = (
            f"{' and '.join(dark)} went dark for new applicants. {sentence} They are scored "
            "without it; ask the source's owner when it comes back."
        )
    return Finding(not dark, sentence, unknown)


def _share(holds: pa.ChunkedArray) -> float:
    return float(pc.mean(holds).as_py())


def cohort_knows_no_future(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Look at the application month and the dates of the inputs of every row."""
    rows = datamart.read(COHORT, [month], ["application_date", "latest_input_date"])
    applied = first_day(add_months(month, -LABEL_MONTH_ON_BOOK))
    other = pc.sum(pc.not_equal(rows.column("application_date"), applied)).as_py() or 0
    late = pc.sum(pc.greater(rows.column("latest_input_date"), applied)).as_py() or 0
    sentence = (
        f"Of {rows.num_rows} loans {other} were not originated in {applied:%Y-%m}, "
        f"{late} have a feature dated after it."
    )
    return Finding(other == 0 and late == 0, sentence, {"loans": rows.num_rows})


def every_label_has_features(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Count the labels that found no features, once the application month is a partition."""
    record = datamart.required_record(COHORT, month)
    if add_months(month, -LABEL_MONTH_ON_BOOK) < settings.first_month:
        return Finding(True, "The loans that matured were originated before the first month.")
    without = record.facts["labels"] - record.rows
    sentence = f"{without} of {record.facts['labels']} labels have no features."
    return Finding(without == 0, sentence, {"without": without})


def every_loan_has_a_label(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Count the loans of the application month that found no label in the month it matures."""
    record = datamart.required_record(COHORT, month)
    originated = record.facts["originated"]
    if originated == 0:
        return Finding(True, "No loan is known that was originated so many months earlier.")
    without = originated - record.rows
    sentence = (
        f"{without} of {originated} loans have no label: they are not in the book at month on book "
        f"{LABEL_MONTH_ON_BOOK}, and in no training and no figure of performance."
    )
    return Finding(without <= UNLABELLED_SHARE * originated, sentence, {"without": without})


def label_rate(datamart: Datamart, settings: Settings, month: str) -> Finding:
    """Compare the default rate of the labels with the plausible range."""
    labels = datamart.read(LABELS, [month], [LABEL]).column(LABEL)
    if len(labels) == 0:
        return Finding(True, "No loan matured in the month.")
    low, high = settings.monitoring.label_rate_low, settings.monitoring.label_rate_high
    rate = pc.mean(labels).as_py()
    sentence = f"{rate:.1%} of {len(labels)} loans defaulted; plausible is {low:.0%} to {high:.0%}."
    return Finding(low <= rate <= high, sentence, {"default rate": rate})
