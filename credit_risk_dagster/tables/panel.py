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
from credit_risk_dagster.datamart.engine import DISPOSITION
from credit_risk_dagster.datamart.table import MONTH, Table, schema_of
from credit_risk_dagster.months import first_day

ROWS, DORMANT, DORMANT_INDEX = "rows", "dormant", "dormant_index"
CUSTOMER, SINCE = "customer_id", "dormant_since"
MONTHS, LATEST = "months", "latest_reading_date"
COUNT, SUM, SUM_OF_SQUARES = "count", "sum", "sum_of_squares"

CLICKSTREAM_FEATURES = tuple(one.name for one in CONTRACT.source("clickstream").readings())

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


SO_FAR = {"clickstream": CLICKSTREAM_SO_FAR}
"""The state of each panel, by the name of its source."""


def so_far(
    before: ir.Table, readings: ir.Table, dormant: ir.Table | None, month: str, oldest: str
) -> ir.Table:
    """Return the state of a month, with the disposition of each customer.

    Args:
        before: the rows of the state of the month before.
        readings: the readings of the month.
        dormant: dormant rows of earlier months, among them the newest of every customer who gives a
            reading again (others do no harm); None if nobody does.
        month: the month key.
        oldest: customers whose latest reading is older than this month become dormant.
    """
    known = before
    if dormant is not None:
        known = before.union(newest_dormant(readings.anti_join(before, CUSTOMER), dormant))
    given = readings.select(*CLICKSTREAM_FEATURES, given_by=CUSTOMER, given_in=MONTH)
    # A join and not an aggregation of both: a tenth of the time, and no sum wider than 64 bits.
    rows = known.outer_join(given, known[CUSTOMER] == given.given_by)
    latest = ibis.coalesce(rows.given_in, rows[LATEST])
    return rows.select(
        **{
            CUSTOMER: ibis.coalesce(rows.given_by, rows[CUSTOMER]),
            # A bare literal would have Spark sort the rows anew as it writes them, not by key.
            MONTH: ibis.greatest(rows[MONTH], rows.given_in, ibis.literal(first_day(month))),
            MONTHS: ibis.coalesce(rows[MONTHS], 0) + rows.given_by.notnull().cast("int64"),
            LATEST: latest,
        },
        **{name: value for reading in CLICKSTREAM_FEATURES for name, value in _sums(rows, reading)},
        **{DISPOSITION: ibis.ifelse(latest < ibis.literal(first_day(oldest)), DORMANT, ROWS)},
    )


def known_at(wanted: ir.Table, state: ir.Table, dormant: ir.Table | None) -> ir.Table:
    """Return the state of customers as of a month each, one row where there is one.

    Args:
        wanted: customers and months, in the columns `customer_id` and `snapshot_date`.
        state: the rows of the state of those months.
        dormant: dormant rows, among them the newest of every customer who has one and is not in
            `state`; None if there is none.
    """
    keys = [CUSTOMER, MONTH]
    awake = state.semi_join(wanted, keys)
    if dormant is None:
        return awake
    return awake.union(newest_dormant(wanted.anti_join(state, keys), dormant))


def newest_dormant(wanted: ir.Table, dormant: ir.Table) -> ir.Table:
    """Return the newest dormant row of customers up to a month each, as the state of that month.

    Args:
        wanted: customers and months, in the columns `customer_id` and `snapshot_date`.
        dormant: dormant rows, each of the month in which its customer left the state.
    """
    asked = wanted.select(asked_for=CUSTOMER, asked_at=MONTH).distinct()
    found = asked.inner_join(
        dormant, [asked.asked_for == dormant[CUSTOMER], dormant[MONTH] <= asked.asked_at]
    )
    newest = ibis.window(
        group_by=[found.asked_for, found.asked_at], order_by=ibis.desc(found[MONTH])
    )
    ranked = found.mutate(rank=ibis.row_number().over(newest))
    kept = ranked.filter(ranked["rank"] == 0)
    return kept.select(**{name: kept[name] for name in _state.names} | {MONTH: kept.asked_at})


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


def _sums(rows: ir.Table, name: str) -> Iterator[tuple[str, ir.IntegerValue]]:
    """Give count, sum and sum of squares of what was known and of a reading, if there is one.

    A sum of squares that is null stays null.
    """
    reading = rows[name]
    small = ibis.ifelse(reading.abs() <= LARGEST_SQUARED, reading, ibis.null("int64"))
    known = {part: rows[f"{name}_{part}"] for part in (COUNT, SUM, SUM_OF_SQUARES)}
    yield f"{name}_{COUNT}", ibis.coalesce(known[COUNT], 0) + reading.notnull().cast("int64")
    yield f"{name}_{SUM}", ibis.coalesce(known[SUM], 0) + ibis.coalesce(reading, 0)
    squares = ibis.ifelse(rows[CUSTOMER].isnull(), 0, known[SUM_OF_SQUARES])
    yield f"{name}_{SUM_OF_SQUARES}", squares + ibis.ifelse(reading.isnull(), 0, small * small)
