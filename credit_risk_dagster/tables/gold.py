"""Gold: what was known at application, the label as it matures, and both joined."""

from collections.abc import Iterator, Mapping, Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from credit_risk_dagster.contract.features import (
    LABEL,
    PANEL_MONTHS,
    READING_COUNTS,
    READING_SQUARES,
)
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.lender import (
    Contract,
    count_of,
    known_of,
    mean_of,
    months_of,
    squares_of,
)
from credit_risk_dagster.contract.source import (
    APPLICATION_ID,
    CUSTOMER_ID,
    LOAN_ID,
    SNAPSHOT_DATE,
    Source,
)
from credit_risk_dagster.datamart.table import Table, schema_of
from credit_risk_dagster.tables.expressions import columns_read, feature_columns
from credit_risk_dagster.tables.panel import (
    LATEST,
    MONTHS,
    count_so_far,
    known_at,
    mean_so_far,
    squares_so_far,
)

LABEL_MONTH_ON_BOOK = CONTRACT.outcome.month_on_book
"""Months from origination to the snapshot in which a loan's label matures."""

LATEST_INPUT = "latest_input_date"

_feature_fields = [
    pa.field(column.name, pa.string() if column.categorical else pa.float64())
    for column in CONTRACT.feature_columns
]
_panel_fields = [
    *(pa.field(name, pa.int64()) for name in (*PANEL_MONTHS, *READING_COUNTS)),
    *(pa.field(name, pa.float64()) for name in READING_SQUARES),
]

FEATURES_TABLE = Table(
    layer="gold",
    name="features",
    description="One row per loan originated in the month: everything known of the applicant at "
    "application. A panel is that of every month up to this one, as the mean of each reading.",
    schema=pa.schema(
        [
            pa.field(LOAN_ID, pa.string()),
            pa.field(CUSTOMER_ID, pa.string()),
            pa.field(SNAPSHOT_DATE, pa.date32()),
            *_feature_fields,
            *_panel_fields,
            *(pa.field(known_of(source.name), pa.bool_()) for source in CONTRACT.applicants),
            pa.field(LATEST_INPUT, pa.date32()),
        ]
    ),
    key=(LOAN_ID,),
)

LABELS = Table(
    layer="gold",
    name="labels",
    description=f"One row per loan whose label matures in the month: in default if it is "
    f"{CONTRACT.outcome}.",
    schema=schema_of(
        loan_id=pa.string(),
        customer_id=pa.string(),
        snapshot_date=pa.date32(),
        loan_start_date=pa.date32(),
        days_past_due=pa.int64(),
        default=pa.int64(),
    ),
    key=(LOAN_ID,),
)

COHORT = Table(
    layer="gold",
    name="cohort",
    description="The labels that matured in the month with the features of the application: the "
    "training rows that the month adds.",
    schema=pa.schema(
        [
            pa.field(LOAN_ID, pa.string()),
            pa.field(CUSTOMER_ID, pa.string()),
            pa.field(SNAPSHOT_DATE, pa.date32()),
            pa.field("application_date", pa.date32()),
            pa.field(LABEL, pa.int64()),
            *_feature_fields,
            *_panel_fields,
            pa.field(LATEST_INPUT, pa.date32()),
        ]
    ),
    key=(LOAN_ID,),
)


def features(
    loans: ir.Table,
    applicants: Mapping[str, ir.Table],
    panels: Mapping[str, tuple[ir.Table, ir.Table | None]],
    contract: Contract = CONTRACT,
) -> ir.Table:
    """Return one row per loan at month on book 0: everything known when its applicant applied.

    What a source knows of an applicant is that of the application month; a panel is that of every
    month up to it. A loan that a source does not know keeps its row, with nulls.

    Args:
        loans: the silver loan book of the application months.
        applicants: silver of those months, of each applicant source.
        panels: of each panel, the rows of its state of those months, and its dormant rows, among
            them the newest of every applicant who has one and no row of the application month;
            None if there is none.
        contract: what the features are.
    """
    known = loans.filter(loans.month_on_book == 0)
    rows = known.select(*columns_read(contract, contract.loan_book))
    wanted = rows.select(CUSTOMER_ID, SNAPSHOT_DATE)
    for source in contract.applicants:
        rows = _with_source(rows, applicants[source.name], source, contract)
    for panel in contract.panels:
        state, dormant = panels[panel.name]
        seen = _means(known_at(wanted, state, dormant), panel)
        rows = _left_join(rows, seen, (CUSTOMER_ID, SNAPSHOT_DATE))
    return rows.select(
        LOAN_ID,
        CUSTOMER_ID,
        SNAPSHOT_DATE,
        **feature_columns(rows, contract),
        **_behind(rows, contract),
        **{
            name: rows[name].fill_null(False) for name in map(known_of, _names(contract.applicants))
        },
        **{LATEST_INPUT: _latest_input(rows, contract)},
    )


def cohort(labels: ir.Table, features: ir.Table) -> ir.Table:
    """Return the matured labels with the features of their application."""
    known = features.rename(application_date=SNAPSHOT_DATE).drop(CUSTOMER_ID)
    rows = labels.inner_join(known, [LOAN_ID, ("loan_start_date", "application_date")])
    return rows.select(*COHORT.schema.names)


def _names(sources: Sequence[Source]) -> Iterator[str]:
    return (source.name for source in sources)


def _with_source(rows: ir.Table, table: ir.Table, source: Source, contract: Contract) -> ir.Table:
    """Join what an applicant source knows: by the application, if both have its number."""
    key = (CUSTOMER_ID, SNAPSHOT_DATE)
    if APPLICATION_ID in rows.columns and source.has(APPLICATION_ID):
        key = (APPLICATION_ID, SNAPSHOT_DATE)
    read = [name for name in columns_read(contract, source) if name not in rows.columns]
    known = table.select(*key, *read, **{known_of(source.name): True})
    return _left_join(rows, known, key)


def _left_join(rows: ir.Table, other: ir.Table, key: tuple[str, str]) -> ir.Table:
    return rows.left_join(other, list(key)).drop(*(f"{name}_right" for name in key))


def _means(state: ir.Table, panel: Source) -> ir.Table:
    """Mean of each reading up to the application month, and the months behind it."""
    return state.select(
        CUSTOMER_ID,
        SNAPSHOT_DATE,
        **{mean_of(reading.name): mean_so_far(state, reading) for reading in panel.readings()},
        **{count_of(reading.name): count_so_far(state, reading) for reading in panel.readings()},
        **{squares_of(one.name): squares_so_far(state, one) for one in panel.readings()},
        **{months_of(panel.name): state[MONTHS], _until(panel.name): state[LATEST]},
    )


def _until(panel: str) -> str:
    return f"{panel}_until"


def _behind(rows: ir.Table, contract: Contract) -> dict[str, ir.Value]:
    """Return how much there is of each panel and reading: 0 where there is none."""
    readings = [reading.name for panel in contract.panels for reading in panel.readings()]
    counted = (*map(months_of, _names(contract.panels)), *map(count_of, readings))
    none = [rows[count_of(name)].isnull() for name in readings]
    squares = [rows[squares_of(name)] for name in readings]
    return {
        **{name: rows[name].fill_null(0) for name in counted},
        **{
            squares_of(name): ibis.ifelse(is_none, 0.0, sum_of_squares)
            for name, is_none, sum_of_squares in zip(readings, none, squares, strict=True)
        },
    }


def _latest_input(rows: ir.Table, contract: Contract) -> ir.DateValue:
    applied = rows[SNAPSHOT_DATE]
    until = [ibis.coalesce(rows[_until(panel.name)], applied) for panel in contract.panels]
    return ibis.greatest(applied, *until) if until else applied
