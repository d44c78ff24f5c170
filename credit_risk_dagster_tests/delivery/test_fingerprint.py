"""Two months have one fingerprint exactly where they have the same rows."""

from collections import Counter

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.delivery.fingerprint import (
    RowSum,
    added,
    fingerprint,
    row_sum,
    sums_by_month,
)

MONTH, OTHER = "2024-01-01", "2024-02-01"
COLUMNS = ATTRIBUTES.headers

TEXT = st.text(st.sampled_from("a1\0\1\2\3\4,é"), max_size=3)
VALUE = st.one_of(st.none(), TEXT)
ROW = st.tuples(VALUE, VALUE)
ROWS = st.lists(ROW, max_size=8)

Row = tuple[str | None, str | None]


def table(rows: list[Row], columns: tuple[str, ...] = COLUMNS) -> pa.Table:
    """Rows that differ in the first two columns at most."""
    values = {name: ["same"] * len(rows) for name in columns}
    values |= {name: [row[place] for row in rows] for place, name in enumerate(COLUMNS[:2])}
    schema = pa.schema([(name, pa.string()) for name in columns])
    return pa.table({name: values[name] for name in columns}, schema=schema)


def sums(rows: list[Row], columns: tuple[str, ...] = COLUMNS) -> dict[str, RowSum]:
    return sums_by_month(ATTRIBUTES, {MONTH: table(rows, columns)})


@settings(deadline=None)
@given(ROWS, ROWS)
def test_rows_have_one_sum_exactly_where_they_are_the_same(
    some: list[Row], others: list[Row]
) -> None:
    assert (sums(some) == sums(others)) == (Counter(some) == Counter(others))


@settings(deadline=None)
@given(ROWS, st.data())
def test_neither_order_nor_columns_nor_blocks_nor_other_columns_matter(
    rows: list[Row], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(rows))
    columns = tuple(data.draw(st.permutations(COLUMNS)))
    cut = data.draw(st.integers(0, len(rows)))
    blocks = [sums(part, (*columns, "extra")) for part in (shuffled[:cut], shuffled[cut:])]
    assert added(blocks) == sums(rows)


def test_one_changed_cell_is_another_fingerprint() -> None:
    rows: list[Row] = [("a", "b"), ("c", "d"), ("c", "d")]
    before = fingerprint(ATTRIBUTES, sums(rows)[MONTH])
    for place in range(len(rows)):
        for cell in range(2):
            changed = [list(row) for row in rows]
            changed[place][cell] = "x"
            found = sums([(row[0], row[1]) for row in changed])[MONTH]
            assert fingerprint(ATTRIBUTES, found) != before


def test_a_value_that_moves_into_the_next_column_is_another_row() -> None:
    assert sums([("ab", "")]) != sums([("a", "b")]) != sums([("a\0b", "")])


def test_months_are_summed_apart() -> None:
    both = sums_by_month(ATTRIBUTES, {MONTH: table([("a", "b")]), OTHER: table([("c", "d")])})
    assert both == {MONTH: sums([("a", "b")])[MONTH], OTHER: sums([("c", "d")])[MONTH]}
    assert sums_by_month(ATTRIBUTES, {}) == {}


def test_a_sum_is_read_back_as_it_was_written_down() -> None:
    found = sums([("a", "b"), ("c", "d")])[MONTH]
    assert row_sum(found.rows, found.digits) == found
    large = RowSum(3, 2**64 - 1, 0)
    assert row_sum(3, large.digits) == large
    assert large + RowSum(1, 1, 5) == RowSum(4, 0, 5)
