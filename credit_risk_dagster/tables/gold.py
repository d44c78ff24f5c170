"""Gold: what was known at application, the label six months later, and both joined."""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from credit_risk_dagster.contract.features import (
    CATEGORICAL_FEATURES,
    CLICKSTREAM_FEATURES,
    CLICKSTREAM_MEANS,
    CLICKSTREAM_MONTHS,
    FEATURES,
    FINANCIAL_AMOUNTS,
    LABEL,
    LOAN_TYPE_COLUMNS,
    LOAN_TYPES,
)
from credit_risk_dagster.datamart.table import Table, schema_of
from credit_risk_dagster.tables.panel import (
    CLICKSTREAM_PANEL,
    COUNT,
    LATEST,
    MONTHS,
    SUM,
    known_at,
)

LABEL_MONTH_ON_BOOK = 6
"""Months from origination to the snapshot in which a loan's label matures."""

DEFAULT_DAYS_PAST_DUE = 30

_feature_fields = [
    pa.field(name, pa.string() if name in CATEGORICAL_FEATURES else pa.float64())
    for name in FEATURES
]

FEATURES_TABLE = Table(
    layer="gold",
    name="features",
    description="One row per loan originated in the month: everything known of the applicant at "
    "application. The clickstream is that of every month up to this one, as its mean.",
    schema=pa.schema(
        [
            pa.field("loan_id", pa.string()),
            pa.field("customer_id", pa.string()),
            pa.field("snapshot_date", pa.date32()),
            *_feature_fields,
            pa.field(CLICKSTREAM_MONTHS, pa.int64()),
            pa.field("has_attributes", pa.bool_()),
            pa.field("has_financials", pa.bool_()),
            pa.field("latest_input_date", pa.date32()),
        ]
    ),
    key=("loan_id",),
)

LABELS = Table(
    layer="gold",
    name="labels",
    description="One row per loan that reaches month on book 6 in the month: in default where it "
    "is 30 or more days past due.",
    schema=schema_of(
        loan_id=pa.string(),
        customer_id=pa.string(),
        snapshot_date=pa.date32(),
        loan_start_date=pa.date32(),
        days_past_due=pa.int64(),
        default=pa.int64(),
    ),
    key=("loan_id",),
)

COHORT = Table(
    layer="gold",
    name="cohort",
    description="The labels that matured in the month with the features of six months earlier: "
    "the training rows that the month adds.",
    schema=pa.schema(
        [
            pa.field("loan_id", pa.string()),
            pa.field("customer_id", pa.string()),
            pa.field("snapshot_date", pa.date32()),
            pa.field("application_date", pa.date32()),
            pa.field(LABEL, pa.int64()),
            *_feature_fields,
            pa.field(CLICKSTREAM_MONTHS, pa.int64()),
            pa.field("latest_input_date", pa.date32()),
        ]
    ),
    key=("loan_id",),
)

_PER_APPLICANT = ("customer_id", "snapshot_date")
_DIRECT_CATEGORIES = ("credit_mix", "payment_of_min_amount", "spending_level", "payment_size")


def features(
    loans: ir.Table,
    attributes: ir.Table,
    financials: ir.Table,
    clickstream_so_far: ir.Table,
    dormant: ir.Table | None,
) -> ir.Table:
    """Return one row per loan at month on book 0: everything known when its applicant applied.

    Attributes and financials are those of the application month; the clickstream is that of every
    month up to it. A loan without one of them keeps its row, with nulls.

    Args:
        loans: silver loans of the application months.
        attributes: silver attributes of the application months.
        financials: silver financials of the application months.
        clickstream_so_far: the rows of the clickstream's state of the application months.
        dormant: its dormant rows, among them the newest of every applicant who has one and no row
            of the application month; None if there is none.
    """
    applicants = loans.filter(loans.month_on_book == 0).select(
        "loan_id", "customer_id", "snapshot_date"
    )
    known = attributes.select(*_PER_APPLICANT, "age", "occupation", has_attributes=True)
    rows = applicants.left_join(known, _PER_APPLICANT).drop(
        "customer_id_right", "snapshot_date_right"
    )
    rows = rows.left_join(_financial_features(financials), _PER_APPLICANT)
    rows = rows.drop("customer_id_right", "snapshot_date_right")
    state = known_at(CLICKSTREAM_PANEL, applicants, clickstream_so_far, dormant)
    rows = rows.left_join(_clickstream_means(state), _PER_APPLICANT).drop(
        "customer_id_right", "snapshot_date_right"
    )
    rows = rows.mutate(
        has_attributes=rows.has_attributes.fill_null(False),
        has_financials=rows.has_financials.fill_null(False),
        clickstream_months=rows.clickstream_months.fill_null(0),
        latest_input_date=ibis.greatest(
            rows.snapshot_date, ibis.coalesce(rows.clickstream_until, rows.snapshot_date)
        ),
    )
    return rows.select(*FEATURES_TABLE.schema.names)


def labels(loans: ir.Table) -> ir.Table:
    """Return one row per loan at month on book 6: in default where 30 or more days past due."""
    matured = loans.filter(loans.month_on_book == LABEL_MONTH_ON_BOOK)
    return matured.mutate(
        default=(matured.days_past_due >= DEFAULT_DAYS_PAST_DUE).cast("int64")
    ).select(*LABELS.schema.names)


def cohort(labels: ir.Table, features: ir.Table) -> ir.Table:
    """Return the matured labels with the features of their application, six months earlier."""
    known = features.rename(application_date="snapshot_date").drop("customer_id")
    rows = labels.inner_join(known, ["loan_id", ("loan_start_date", "application_date")])
    return rows.select(*COHORT.schema.names)


def _financial_features(financials: ir.Table) -> ir.Table:
    income, salary = financials.annual_income, financials.monthly_inhand_salary
    loan_count = ibis.greatest(financials.num_of_loan, 1.0)
    ratios = {
        "debt_to_income": financials.outstanding_debt / income.nullif(0.0),
        "emi_to_income": financials.total_emi_per_month / salary.nullif(0.0),
        "balance_to_income": financials.monthly_balance / salary.nullif(0.0),
        "delay_per_loan": financials.delay_from_due_date
        / ibis.ifelse(financials.num_of_loan.isnull(), ibis.null("float64"), loan_count),
    }
    return financials.select(
        *_PER_APPLICANT,
        *FINANCIAL_AMOUNTS,
        *_DIRECT_CATEGORIES,
        **ratios,
        **_loan_types(financials.type_of_loan),
        has_financials=True,
    )


def _loan_types(listed: ir.StringColumn) -> dict[str, ir.FloatingValue]:
    """One column per known type, 1 where it is listed; a list with anything else is `other`."""
    text = ibis.coalesce(listed, "")
    columns = {
        column: text.contains(loan_type).cast("float64") for loan_type, column in LOAN_TYPES.items()
    }
    rest = text.re_replace(f"{'|'.join(LOAN_TYPES)}|,|and|\\s", "")
    columns[LOAN_TYPE_COLUMNS[-1]] = (rest != "").cast("float64")
    return columns


def _clickstream_means(state: ir.Table) -> ir.Table:
    """Mean of the clickstream up to the application month, and the months behind it.

    Sums are of integers, so that the mean does not depend on the order of rows or threads.
    """
    return state.select(
        *_PER_APPLICANT,
        **{
            mean: state[f"{name}_{SUM}"].cast("float64")
            / state[f"{name}_{COUNT}"].cast("float64").nullif(0.0)
            for name, mean in zip(CLICKSTREAM_FEATURES, CLICKSTREAM_MEANS, strict=True)
        },
        clickstream_months=state[MONTHS],
        clickstream_until=state[LATEST],
    )
