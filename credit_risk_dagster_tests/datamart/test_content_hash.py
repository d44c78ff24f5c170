import math
import struct
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_risk_dagster.datamart.content_hash import SLICE_ROWS, content_hash, hash_batches

COLUMNS = {
    "text": (pa.string(), st.text(max_size=5)),
    "count": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.uint8(), st.integers(0, 255)),
    "share": (pa.float64(), st.floats()),
    "single": (pa.float32(), st.floats(width=32)),
    "flag": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates()),
    "moment": (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
}
ROW = st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()})
SCHEMA = pa.schema([(name, kind) for name, (kind, _) in COLUMNS.items()])


def table_of(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def comparable(value: object) -> object:
    """What two values have in common when they are the same content."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value + 0.0)
    return value


def comparable_rows(table: pa.Table) -> list[list[object]]:
    return [[comparable(value) for value in row.values()] for row in table.to_pylist()]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROW, max_size=6), st.lists(ROW, max_size=6))
def test_hashes_are_equal_exactly_when_the_values_are(
    one: list[dict[str, object]], other: list[dict[str, object]]
) -> None:
    first, second = table_of(one), table_of(other)
    equal = comparable_rows(first) == comparable_rows(second)
    assert (content_hash(first) == content_hash(second)) == equal


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=5), st.data())
def test_one_changed_value_changes_the_hash(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(list(COLUMNS)))
    position = data.draw(st.integers(0, len(rows) - 1))
    changed = [dict(row) for row in rows]
    changed[position][name] = data.draw(st.none() | COLUMNS[name][1])
    first, second = table_of(rows), table_of(changed)
    equal = comparable_rows(first) == comparable_rows(second)
    assert (content_hash(first) == content_hash(second)) == equal


@settings(deadline=None)
@given(st.lists(ROW, max_size=12), st.lists(st.integers(0, 12), max_size=4))
def test_the_hash_does_not_depend_on_chunks_offsets_or_encodings(
    rows: list[dict[str, object]], cuts: list[int]
) -> None:
    table = table_of(rows)
    expected = content_hash(table)
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(rows)), len(rows)]
    chunks = [table.slice(a, b - a) for a, b in pairwise(bounds)]
    assert content_hash(pa.concat_tables(chunks)) == expected
    padded = table_of([{"text": "before"}, *rows, {"text": "after"}]).slice(1, len(rows))
    assert content_hash(padded) == expected
    encoded = table.set_column(0, "text", table["text"].dictionary_encode())
    assert content_hash(encoded) == expected
    for width in (pa.large_string(), pa.string_view()):
        assert content_hash(table.set_column(0, "text", table["text"].cast(width))) == expected
    required = pa.schema([field.with_nullable(False) for field in SCHEMA])
    complete = table.drop_null()
    assert content_hash(complete.cast(required)) == content_hash(complete)


def test_the_hash_survives_a_parquet_file_of_any_encoding(tmp_path: Path) -> None:
    day = date(2024, 3, 1)
    moment = datetime(2024, 3, 1, 12, tzinfo=UTC)
    row = {"text": "é", "count": 1, "share": 0.5, "flag": True, "day": day, "moment": moment}
    table = table_of([row, {}, row])
    for dictionary, rows in ((True, 100), (False, 1)):
        path = tmp_path / f"{rows}.parquet"
        pq.write_table(table, path, use_dictionary=dictionary, row_group_size=rows)
        assert content_hash(pq.read_table(path)) == content_hash(table)


def test_slices_of_a_long_table_hash_like_the_whole() -> None:
    rows = 2 * SLICE_ROWS + 7
    values = np.arange(rows)
    table = pa.table({"value": values, "text": pa.array(values % 97).cast(pa.string())})
    for size in (1_000, SLICE_ROWS - 1, SLICE_ROWS, SLICE_ROWS + 1):
        assert hash_batches(table.schema, table.to_batches(max_chunksize=size)) == content_hash(
            table
        )
    assert hash_batches(table.schema, table.to_reader()) == content_hash(table)


def test_missing_is_neither_empty_text_nor_zero_nor_false() -> None:
    for kind, empty in (
        (pa.string(), ""),
        (pa.int64(), 0),
        (pa.float64(), 0.0),
        (pa.bool_(), False),
    ):
        missing = pa.table({"x": pa.array([None], kind)})
        assert content_hash(missing) != content_hash(pa.table({"x": pa.array([empty], kind)}))


def test_missing_values_hash_alike_whatever_lies_beneath_them() -> None:
    valid = pa.py_buffer(bytes([0b01]))
    arrays = [
        pa.Array.from_buffers(pa.int32(), 2, [valid, pa.py_buffer(struct.pack("<2i", 5, junk))])
        for junk in (0, 99)
    ]
    assert content_hash(pa.table({"x": arrays[0]})) == content_hash(pa.table({"x": arrays[1]}))


def test_missing_text_hashes_alike_whatever_lies_beneath_it() -> None:
    valid, offsets = pa.py_buffer(bytes([0b101])), pa.py_buffer(struct.pack("<4i", 0, 1, 4, 5))
    hidden = pa.Array.from_buffers(pa.string(), 3, [valid, offsets, pa.py_buffer(b"axyzb")])
    assert content_hash(pa.table({"x": hidden})) == content_hash(pa.table({"x": ["a", None, "b"]}))


def test_signed_zeros_and_every_nan_are_equal() -> None:
    odd_nan = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000123))[0]
    plain = pa.table({"x": [0.0, math.nan]})
    assert content_hash(pa.table({"x": [-0.0, odd_nan]})) == content_hash(plain)


def test_text_that_moves_between_neighbours_changes_the_hash() -> None:
    hashes = {
        content_hash(pa.table({"x": pair})) for pair in (["ab", "c"], ["a", "bc"], ["abc", ""])
    }
    assert len(hashes) == 3


def test_names_types_and_orders_count() -> None:
    base = pa.table({"a": pa.array([1, 2], pa.int32()), "b": pa.array([1, 2], pa.int32())})
    others = [
        base.rename_columns(["a", "c"]),
        base.cast(pa.schema([("a", pa.int64()), ("b", pa.int32())])),
        base.select(["b", "a"]),
        base.take([1, 0]),
        base.slice(0, 0),
        base.select(["a"]),
        base.cast(pa.schema([("a", pa.uint32()), ("b", pa.int32())])),
    ]
    hashes = {content_hash(table) for table in [base, *others]}
    assert len(hashes) == len(others) + 1


def test_an_empty_table_has_the_hash_of_its_schema() -> None:
    empty = pa.table({"x": pa.array([], pa.string())})
    assert content_hash(empty) == content_hash(pa.table({"x": pa.chunked_array([], pa.string())}))
    assert content_hash(empty) != content_hash(pa.table({"y": pa.array([], pa.string())}))
    assert hash_batches(empty.schema, []) == content_hash(empty)


def test_batches_with_encodings_of_their_own_hash_like_plain_text() -> None:
    encoded = [
        pa.array(["a"]).dictionary_encode(),
        pa.array(["b"], pa.large_string()),
        pa.array(["b", None]).dictionary_encode(),
    ]
    batches = [pa.record_batch({"x": array}) for array in encoded]
    assert hash_batches(batches[0].schema, batches) == content_hash(
        pa.table({"x": ["a", "b", "b", None]})
    )


def test_a_batch_of_another_schema_is_refused() -> None:
    batches = [pa.record_batch({"x": list(range(SLICE_ROWS))}), pa.record_batch({"y": [1]})]
    with pytest.raises(ValueError, match=r"other names or types: \[.y.\]"):
        hash_batches(batches[0].schema, batches)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([b"x"], pa.binary()),
        pa.array([[1]], pa.list_(pa.int64())),
        pa.array([1], pa.decimal128(5)),
        pa.array([None], pa.null()),
        pa.array([1.0], pa.float16()),
        pa.array([0], pa.time32("s")),
    ],
)
def test_a_type_without_a_hash_is_refused_by_column_name(values: pa.Array) -> None:
    with pytest.raises(TypeError, match="column odd has the type"):
        content_hash(pa.table({"odd": values}))


def test_the_hash_of_a_known_table_stays_what_it_is() -> None:
    """Stored hashes decide what runs again: a change of layout must be a decision."""
    table = pa.table({"id": ["a", None, ""], "value": [1.5, None, -0.0], "count": [1, 2, None]})
    assert content_hash(table) == "097656d7623b206136038537efded0627a54658544e72e3b6898b2923c06bd18"


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 300), st.integers(1, 40))
def test_small_batches_join_into_the_same_slices(rows: int, size: int) -> None:
    table = pa.table({"x": list(range(rows))})
    assert hash_batches(table.schema, iter(table.to_batches(max_chunksize=size))) == content_hash(
        table
    )
