"""The running state of a panel source: what is known of each customer up to a month, as sums.

A month's state is that of the month before and the readings of the month, so that its cost does not
grow with the months behind it. Customers who gave no reading lately are dormant: their state is
written once, beside the month in which they leave the rows, and is read when they return or apply.
"""

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from credit_risk_dagster.contract.features import CLICKSTREAM_FEATURES
from credit_risk_dagster.datamart.engine import DISPOSITION
from credit_risk_dagster.datamart.table import MONTH, Table, schema_of
from credit_risk_dagster.months import first_day

ROWS, DORMANT, DORMANT_INDEX = "rows", "dormant", "dormant_index"
CUSTOMER, SINCE = "customer_id", "dormant_since"
MONTHS, LATEST = "months", "latest_reading_date"
COUNT, SUM, SUM_OF_SQUARES = "count", "sum", "sum_of_squares"

LARGEST_SQUARED = 10**8
"""Squares of readings up to here can be summed over 900 months in 64 bits."""

SUMS = tuple(
    f"{name}_{part}" for name in CLICKSTREAM_FEATURES for part in (COUNT, SUM, SUM_OF_SQUARES)
)

_state = pa.schema(
    [
        pa.field(CUSTOMER, pa.string()),
        pa.field(MONTH, pa.date32()),
        pa.field(MONTHS, pa.int64()),
        pa.field(LATEST, pa.date32()),
        *(pa.field(name, pa.int64()) for name in SUMS),
    ]
)

CLICKSTREAM_SO_FAR = Table(
    layer="silver",
    name="clickstream_so_far",
    description="The running state of the clickstream: months, counts, sums and sums of squares of "
    "each customer up to the month. Customers without a reading lately are in a table beside, in "
    "the month in which they left; another one says which month that is.",
    schema=_state,
    key=(CUSTOMER,),
    beside=(
        (DORMANT, _state),
        (DORMANT_INDEX, schema_of(**{CUSTOMER: pa.string(), SINCE: pa.date32()})),
    ),
)


def so_far(
    before: ir.Table, readings: ir.Table, dormant: ir.Table, month: str, oldest: str
) -> ir.Table:
    """Return the state of a month, with the disposition of each customer.

    Args:
        before: the rows of the state of the month before.
        readings: the readings of the month.
        dormant: dormant rows of earlier months, among them the newest of every customer who gives a
            reading again; others do no harm.
        month: the month key.
        oldest: customers whose latest reading is older than this month become dormant.
    """
    returning = newest_dormant(readings.anti_join(before, CUSTOMER), dormant)
    parts = [part.select(_state.names) for part in (before, returning, _of_one_month(readings))]
    rows = ibis.union(*parts)
    state = rows.group_by(CUSTOMER).aggregate(
        **{MONTHS: _total(rows, MONTHS), LATEST: rows[LATEST].max()},
        **{name: _total(rows, name) for name in SUMS},
    )
    left = state[LATEST] < ibis.literal(first_day(oldest))
    return state.mutate(
        **{
            MONTH: ibis.literal(first_day(month)),
            DISPOSITION: ibis.ifelse(left, DORMANT, ROWS),
        }
    ).select(*_state.names, DISPOSITION)


def known_at(wanted: ir.Table, state: ir.Table, dormant: ir.Table) -> ir.Table:
    """Return the state of customers as of a month each, one row where there is one.

    Args:
        wanted: customers and months, in the columns `customer_id` and `snapshot_date`.
        state: the rows of the state of those months.
        dormant: dormant rows, among them the newest of every customer who is not in `state`.
    """
    keys = [CUSTOMER, MONTH]
    wanted = wanted.select(*keys).distinct()
    awake = wanted.inner_join(state, keys).select(_state.names)
    asleep = newest_dormant(wanted.anti_join(state, keys), dormant).select(_state.names)
    return awake.union(asleep)


def newest_dormant(wanted: ir.Table, dormant: ir.Table) -> ir.Table:
    """Return the newest dormant row of customers up to a month each, as the state of that month."""
    rows = dormant.rename({SINCE: MONTH})
    wanted = wanted.select(asked_for=CUSTOMER, asked_at=MONTH)
    found = wanted.inner_join(
        rows, [wanted.asked_for == rows[CUSTOMER], rows[SINCE] <= wanted.asked_at]
    )
    newest = ibis.window(
        group_by=[found.asked_for, found.asked_at], order_by=ibis.desc(found[SINCE])
    )
    ranked = found.mutate(rank=ibis.row_number().over(newest))
    return ranked.filter(ranked["rank"] == 0).rename({MONTH: "asked_at"})


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
    schema = dict(CLICKSTREAM_SO_FAR.beside)[DORMANT_INDEX]
    joined = pa.concat_tables([asleep.select(schema.names), pa.table([left, since], schema=schema)])
    return joined.sort_by(CUSTOMER)


def months_of_dormant(index: pa.Table, customers: pa.ChunkedArray) -> list[str]:
    """Return the months whose dormant rows hold some customers, of those who are dormant."""
    since = index.filter(pc.is_in(index[CUSTOMER], customers))[SINCE]
    return sorted(month.isoformat() for month in since.unique().to_pylist())


def _of_one_month(readings: ir.Table) -> ir.Table:
    """Return readings as the states of customers who never gave one before."""
    sums: dict[str, ir.IntegerValue] = {}
    for name in CLICKSTREAM_FEATURES:
        sums |= _sums(name, readings[name])
    return readings.select(
        CUSTOMER, MONTH, **{MONTHS: ibis.literal(1, "int64"), LATEST: readings[MONTH]}, **sums
    )


def _sums(name: str, reading: ir.IntegerColumn) -> dict[str, ir.IntegerValue]:
    small = ibis.ifelse(reading.abs() <= LARGEST_SQUARED, reading, ibis.null("int64"))
    return {
        f"{name}_{COUNT}": reading.notnull().cast("int64"),
        f"{name}_{SUM}": reading.fill_null(0),
        f"{name}_{SUM_OF_SQUARES}": ibis.ifelse(reading.isnull(), 0, small * small),
    }


def _total(rows: ir.Table, name: str) -> ir.IntegerValue:
    """Sum in 64 bits; null where a part is null, as a sum of squares may be.

    By way of a decimal, since a sum is 64 bits wide to Ibis already and 128 to DuckDB.
    """
    total = rows[name].sum().cast("decimal(38, 0)").cast("int64")
    if not name.endswith(SUM_OF_SQUARES):
        return total
    return ibis.ifelse(rows[name].count() == rows.count(), total, ibis.null("int64"))
