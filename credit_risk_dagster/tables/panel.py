"""The running state of a panel source: what is known of each customer up to a month, as sums.

A month's state is that of the month before and the readings of the month, so that its cost does not
grow with the months behind it. Customers who gave no reading lately are dormant: their state is
written once, beside the month in which they leave the rows, and is read when they return or apply.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Panel:
    """A panel source: which columns of it are summed up, and which say of whom and when they are.

    Attributes:
        readings: the readings, which are whole numbers.
        customer: the customer; the state calls the column the same.
        month: the first day of the month; the state calls the column the same.
    """

    readings: tuple[str, ...]
    customer: str = CUSTOMER
    month: str = MONTH

    @property
    def key(self) -> list[str]:
        """The columns that identify a row."""
        return [self.customer, self.month]

    @property
    def state(self) -> pa.Schema:
        """The columns of its running state."""
        sums = [f"{name}_{part}" for name in self.readings for part in (COUNT, SUM, SUM_OF_SQUARES)]
        return pa.schema(
            [
                pa.field(self.customer, pa.string()),
                pa.field(self.month, pa.date32()),
                pa.field(MONTHS, pa.int64()),
                pa.field(LATEST, pa.date32()),
                *(pa.field(name, pa.int64()) for name in sums),
            ]
        )

    @property
    def dormant_index(self) -> pa.Schema:
        """The columns of the index of who is dormant."""
        return schema_of(**{self.customer: pa.string(), SINCE: pa.date32()})


def state_table(panel: Panel, name: str, source: str) -> Table:
    """Return the table of a panel's running state.

    Args:
        panel: the panel.
        name: the name of the table.
        source: what to call the panel in words.
    """
    return Table(
        layer="silver",
        name=name,
        description=f"The running state of {source}: months, counts, sums and sums of squares of "
        "each customer up to the month. Customers without a reading lately are in a table beside, "
        "in the month in which they left; another one says which month that is.",
        schema=panel.state,
        key=(panel.customer,),
        month_column=panel.month,
        beside=((DORMANT, panel.state), (DORMANT_INDEX, panel.dormant_index)),
    )


CLICKSTREAM_PANEL = Panel(CLICKSTREAM_FEATURES)
CLICKSTREAM_SO_FAR = state_table(CLICKSTREAM_PANEL, "clickstream_so_far", "the clickstream")


def so_far(
    panel: Panel, before: ir.Table, readings: ir.Table, dormant: ir.Table | None, kept_for: int
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
        returning = readings.anti_join(before, panel.customer)
        known = before.union(newest_dormant(panel, returning, dormant))
    given = readings.select(*panel.readings, given_by=panel.customer, given_in=panel.month)
    # A join and not an aggregation of both: a tenth of the time, and no sum wider than 64 bits.
    rows = known.outer_join(given, known[panel.customer] == given.given_by)
    # Ibis calls the next month a date; on DuckDB it is a timestamp until it is cast as one.
    next_month = (rows[panel.month] + ibis.interval(months=1)).cast("timestamp").cast("date")
    month = ibis.coalesce(rows.given_in, next_month)
    latest = ibis.coalesce(rows.given_in, rows[LATEST])
    is_dormant = latest + ibis.interval(months=kept_for) <= month
    return rows.select(
        **{
            panel.customer: ibis.coalesce(rows.given_by, rows[panel.customer]),
            panel.month: month,
            MONTHS: ibis.coalesce(rows[MONTHS], 0) + rows.given_by.notnull().cast("int64"),
            LATEST: latest,
        },
        **{
            name: value for reading in panel.readings for name, value in _sums(panel, rows, reading)
        },
        **{DISPOSITION: ibis.ifelse(is_dormant, DORMANT, ROWS)},
    )


def known_at(panel: Panel, wanted: ir.Table, state: ir.Table, dormant: ir.Table | None) -> ir.Table:
    """Return the state of customers as of a month each, one row where there is one.

    Args:
        panel: the panel.
        wanted: customers and months, in the columns that the panel has for them.
        state: the rows of the state of those months.
        dormant: dormant rows, among them the newest of every customer who has one and is not in
            `state`; None if there is none.
    """
    awake = state.semi_join(wanted, panel.key)
    if dormant is None:
        return awake
    return awake.union(newest_dormant(panel, wanted.anti_join(state, panel.key), dormant))


def newest_dormant(panel: Panel, wanted: ir.Table, dormant: ir.Table) -> ir.Table:
    """Return the newest dormant row of customers up to a month each, as the state of that month.

    Args:
        panel: the panel.
        wanted: customers and months, in the columns that the panel has for them.
        dormant: dormant rows, each of the month in which its customer left the state.
    """
    customer, left = dormant[panel.customer], dormant[panel.month]
    asked = wanted.select(asked_for=panel.customer, asked_at=panel.month).distinct()
    found = asked.inner_join(dormant, [asked.asked_for == customer, left <= asked.asked_at])
    newest = ibis.window(
        group_by=[found.asked_for, found.asked_at], order_by=ibis.desc(found[panel.month])
    )
    ranked = found.mutate(rank=ibis.row_number().over(newest))
    kept = ranked.filter(ranked["rank"] == 0)
    return kept.select(
        **{name: kept[name] for name in panel.state.names} | {panel.month: kept.asked_at}
    )


def dormant_index(
    panel: Panel, before: pa.Table, readings: pa.ChunkedArray, left: pa.ChunkedArray, month: str
) -> pa.Table:
    """Return the customers who are dormant after a month, and the month in which each left.

    Args:
        panel: the panel.
        before: the same of the month before.
        readings: the customers who gave a reading in the month.
        left: the customers who left the rows of the state in the month.
        month: the month key.
    """
    asleep = before.filter(pc.invert(pc.is_in(before[panel.customer], readings)))
    since = pa.array([first_day(month)] * len(left), pa.date32())
    schema = panel.dormant_index
    joined = pa.concat_tables([asleep.select(schema.names), pa.table([left, since], schema=schema)])
    return joined.sort_by(panel.customer)


def months_of_dormant(panel: Panel, index: pa.Table, customers: pa.ChunkedArray) -> list[str]:
    """Return the months whose dormant rows hold some customers, of those who are dormant."""
    since = index.filter(pc.is_in(index[panel.customer], customers))[SINCE]
    return sorted(month.isoformat() for month in since.unique().to_pylist())


def _sums(panel: Panel, rows: ir.Table, name: str) -> Iterator[tuple[str, ir.IntegerValue]]:
    """Give count, sum and sum of squares of what was known and of a reading, if there is one.

    A sum of squares that is null stays null.
    """
    reading = rows[name]
    small = ibis.ifelse(reading.abs() <= LARGEST_SQUARED, reading, ibis.null("int64"))
    known = {part: rows[f"{name}_{part}"] for part in (COUNT, SUM, SUM_OF_SQUARES)}
    yield f"{name}_{COUNT}", ibis.coalesce(known[COUNT], 0) + reading.notnull().cast("int64")
    yield f"{name}_{SUM}", ibis.coalesce(known[SUM], 0) + ibis.coalesce(reading, 0)
    squares = ibis.ifelse(rows[panel.customer].isnull(), 0, known[SUM_OF_SQUARES])
    yield f"{name}_{SUM_OF_SQUARES}", squares + ibis.ifelse(reading.isnull(), 0, small * small)
