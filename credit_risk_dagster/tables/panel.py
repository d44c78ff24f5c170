"""The running state of a panel source: what is known of each customer up to a month, as sums.

A month's state is that of the month before and the readings of the month, so that its cost does not
grow with the months behind it. Customers who gave no reading lately are dormant: their state is
written once, beside the month in which they leave the rows, and is read when they return or apply.
"""

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.kinds import Number
from credit_risk_dagster.contract.source import Column, Source
from credit_risk_dagster.datamart.engine import DISPOSITION
from credit_risk_dagster.datamart.table import MONTH, Table, schema_of
from credit_risk_dagster.months import first_day

ROWS, DORMANT, DORMANT_INDEX = "rows", "dormant", "dormant_index"
CUSTOMER, SINCE = "customer_id", "dormant_since"
MONTHS, LATEST = "months", "latest_reading_date"
COUNT, SUM, SQUARES = "count", "sum", "sum_of_squares"

LARGEST_SQUARED = 10**8
"""Squares of readings up to here can be summed over 900 months in 64 bits."""


INDEX = schema_of(**{CUSTOMER: pa.string(), SINCE: pa.date32()})
"""The columns of the index of who is dormant."""


def so_far_table(panel: Source) -> Table:
    """Return the table of a panel's running state."""
    sums = [f"{one.name}_{part}" for one in panel.readings() for part in (COUNT, SUM, SQUARES)]
    state = pa.schema(
        [
            pa.field(CUSTOMER, pa.string()),
            pa.field(MONTH, pa.date32()),
            pa.field(MONTHS, pa.int64()),
            pa.field(LATEST, pa.date32()),
            *(pa.field(name, pa.int64()) for name in sums),
        ]
    )
    return Table(
        layer="silver",
        name=f"{panel.name}_so_far",
        description=f"The running state of {panel.name}: months, counts, sums and sums of squares "
        "of each customer up to the month. Customers without a reading lately are in a table "
        "beside, in the month in which they left; another one says which month that is.",
        schema=state,
        key=(CUSTOMER,),
        beside=((DORMANT, state), (DORMANT_INDEX, INDEX)),
    )


SO_FAR = {panel.name: so_far_table(panel) for panel in CONTRACT.panels}
"""The state of each panel, by the name of its source."""


def so_far(
    panel: Source, before: ir.Table, readings: ir.Table, dormant: ir.Table | None, kept_for: int
) -> ir.Table:
    """Return the state of a month, with the disposition of each customer.

    Which month that is the rows say, so that the expression is the same for every month.

    Args:
        panel: the panel.
        before: the rows of the state of the month before.
        readings: the readings of the month.
        dormant: dormant rows of earlier months, among them the newest of every customer who gives a
            reading again (others do no harm); None if nobody does.
        kept_for: after how many months without a reading a customer becomes dormant.
    """
    known = before
    if dormant is not None:
        returning = readings.anti_join(before, CUSTOMER)
        known = before.union(newest_dormant(returning, dormant))
    given = readings.select(
        *(one.name for one in panel.readings()), given_by=CUSTOMER, given_in=MONTH
    )
    # A join and not an aggregation of both: a tenth of the time, and no sum wider than 64 bits.
    rows = known.outer_join(given, known[CUSTOMER] == given.given_by)
    # Ibis calls the next month a date; on DuckDB it is a timestamp until it is cast as one.
    next_month = (rows[MONTH] + ibis.interval(months=1)).cast("timestamp").cast("date")
    month = ibis.coalesce(rows.given_in, next_month)
    latest = ibis.coalesce(rows.given_in, rows[LATEST])
    is_dormant = latest + ibis.interval(months=kept_for) <= month
    return rows.select(
        **{
            CUSTOMER: ibis.coalesce(rows.given_by, rows[CUSTOMER]),
            MONTH: month,
            MONTHS: ibis.coalesce(rows[MONTHS], 0) + rows.given_by.notnull().cast("int64"),
            LATEST: latest,
        },
        **{name: value for reading in panel.readings() for name, value in _sums(rows, reading)},
        **{DISPOSITION: ibis.ifelse(is_dormant, DORMANT, ROWS)},
    )


def known_at(wanted: ir.Table, state: ir.Table, dormant: ir.Table | None) -> ir.Table:
    """Return the state of customers as of a month each, one row where there is one.

    Args:
        wanted: customers and months, in the columns `customer_id` and `snapshot_date`.
        state: the rows of the state of those months.
        dormant: dormant rows, among them the newest of every customer who has one and is not in
            `state`; None if there is none.
    """
    awake = state.semi_join(wanted, [CUSTOMER, MONTH])
    if dormant is None:
        return awake
    return awake.union(newest_dormant(wanted.anti_join(state, [CUSTOMER, MONTH]), dormant))


def newest_dormant(wanted: ir.Table, dormant: ir.Table) -> ir.Table:
    """Return the newest dormant row of customers up to a month each, as the state of that month.

    Args:
        wanted: customers and months, in the columns `customer_id` and `snapshot_date`.
        dormant: dormant rows, each of the month in which its customer left the state.
    """
    customer, left = dormant[CUSTOMER], dormant[MONTH]
    asked = wanted.select(asked_for=CUSTOMER, asked_at=MONTH).distinct()
    found = asked.inner_join(dormant, [asked.asked_for == customer, left <= asked.asked_at])
    newest = ibis.window(
        group_by=[found.asked_for, found.asked_at], order_by=ibis.desc(found[MONTH])
    )
    ranked = found.mutate(rank=ibis.row_number().over(newest))
    kept = ranked.filter(ranked["rank"] == 0)
    return kept.select(**{name: kept[name] for name in dormant.columns} | {MONTH: kept.asked_at})


def dormant_index(
    before: pa.Table, readings: pa.ChunkedArray, left: pa.ChunkedArray, month: str
) -> pa.Table:
    """Return the customers who are dormant after a month, and the month in which each left.

    Args:
        before: the same of the month before.
        readings: the customers who gave a reading in the month.
        left: the customers who left the rows of the state in the month.
        month: the month key.
    """
    asleep = before.filter(pc.invert(pc.is_in(before[CUSTOMER], readings)))
    since = pa.array([first_day(month)] * len(left), pa.date32())
    schema = INDEX
    joined = pa.concat_tables([asleep.select(schema.names), pa.table([left, since], schema=schema)])
    return joined.sort_by(CUSTOMER)


def months_of_dormant(index: pa.Table, customers: pa.ChunkedArray) -> list[str]:
    """Return the months whose dormant rows hold some customers, of those who are dormant."""
    since = index.filter(pc.is_in(index[CUSTOMER], customers))[SINCE]
    return sorted(month.isoformat() for month in since.unique().to_pylist())


def _sums(rows: ir.Table, column: Column) -> Iterator[tuple[str, ir.IntegerValue]]:
    """Give count, sum and sum of squares of what was known and of a reading, if there is one.

    A sum of squares that is null stays null.
    """
    name, reading = column.name, whole(rows[column.name], column)
    small = ibis.ifelse(reading.abs() <= LARGEST_SQUARED, reading, ibis.null("int64"))
    known = {part: rows[f"{name}_{part}"] for part in (COUNT, SUM, SQUARES)}
    yield f"{name}_{COUNT}", ibis.coalesce(known[COUNT], 0) + reading.notnull().cast("int64")
    yield f"{name}_{SUM}", ibis.coalesce(known[SUM], 0) + ibis.coalesce(reading, 0)
    squares = ibis.ifelse(rows[CUSTOMER].isnull(), 0, known[SQUARES])
    yield f"{name}_{SQUARES}", squares + ibis.ifelse(reading.isnull(), 0, small * small)


def whole(reading: ir.NumericValue, column: Column) -> ir.IntegerValue:
    """Return a reading as a whole number of its last decimal, so that sums are exact."""
    decimals = column.kind.decimals if isinstance(column.kind, Number) else 0
    return (reading * 10**decimals).round().cast("int64") if decimals else reading


def mean_so_far(state: ir.Table, column: Column) -> ir.FloatingValue:
    """Return the mean of a reading so far.

    Sums are of integers, so that it does not depend on the order of rows or threads.
    """
    decimals = column.kind.decimals if isinstance(column.kind, Number) else 0
    total = state[f"{column.name}_{SUM}"].cast("float64")
    mean = total / state[f"{column.name}_{COUNT}"].cast("float64").nullif(0.0)
    return mean / float(10**decimals) if decimals else mean


def count_so_far(state: ir.Table, column: Column) -> ir.IntegerValue:
    """Return the number of readings so far that are not missing."""
    return state[f"{column.name}_{COUNT}"]


def squares_so_far(state: ir.Table, column: Column) -> ir.FloatingValue:
    """Return the sum of squares of a reading so far, null where one was too large for it."""
    decimals = column.kind.decimals if isinstance(column.kind, Number) else 0
    squares = state[f"{column.name}_{SQUARES}"].cast("float64")
    return squares / float(10 ** (2 * decimals)) if decimals else squares
