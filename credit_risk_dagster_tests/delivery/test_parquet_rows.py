"""A Parquet file is the text that the dialect of its source would have written."""

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.dialect import PLAIN, Dialect
from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.delivery import parquet_rows
from credit_risk_dagster.delivery.texts import as_text
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster_tests.delivery.written import (
    COLUMNS,
    HEADER,
    line,
    read,
    reasons,
    row,
    write,
)

GERMAN = Dialect(delimiter=";", decimal=",", dates="DD.MM.YYYY")
DAY, NOON = dt.date(2024, 3, 1), dt.datetime(2024, 3, 5, 12, 0, 0, 5)
MIDNIGHT = dt.datetime(2024, 3, 1)
SMALL = Decimal("0.00000001")


def put(path: Path, rows: list[dict[str, object]] | pa.Table, **options: object) -> Path:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    pq.write_table(table, path, **options)
    return path


@pytest.mark.parametrize(
    ("values", "kind", "plain", "german"),
    [
        (["a", "", 'ü";\n'], pa.string(), ["a", "", 'ü";\n'], None),
        (["a", "b", "a"], pa.dictionary(pa.int8(), pa.string()), ["a", "b", "a"], None),
        (["a"], pa.large_string(), ["a"], None),
        (["a"], pa.string_view(), ["a"], None),
        (["ü".encode()], pa.binary(), ["ü"], None),
        ([b"abc"], pa.binary(3), ["abc"], None),
        ([1, -(2**63)], pa.int64(), ["1", "-9223372036854775808"], None),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"], None),
        ([7], pa.int8(), ["7"], None),
        ([0.1, 30.0, 1e-7, -0.5], pa.float64(), ["0.1", "30", "1e-7", "-0.5"], None),
        ([0.1], pa.float32(), ["0.1"], ["0,1"]),
        ([1234567.5], pa.float64(), ["1234567.5"], ["1234567,5"]),
        ([SMALL, Decimal(-1)], pa.decimal128(20, 8), ["0.00000001", "-1.00000000"], None),
        ([Decimal("-0.5"), Decimal("12.25")], pa.decimal128(9, 2), ["-0.50", "12.25"], None),
        ([Decimal("9.5")], pa.decimal256(60, 1), ["9.5"], ["9,5"]),
        ([Decimal(10**37)], pa.decimal128(38, 0), ["1" + "0" * 37], None),
        ([DAY], pa.date32(), ["2024-03-01"], ["01.03.2024"]),
        ([DAY], pa.date64(), ["2024-03-01"], ["01.03.2024"]),
        ([MIDNIGHT], pa.timestamp("ns"), ["2024-03-01"], ["01.03.2024"]),
        ([MIDNIGHT], pa.timestamp("s"), ["2024-03-01"], ["01.03.2024"]),
        ([NOON], pa.timestamp("us"), ["2024-03-05 12:00:00.000005"], None),
        ([NOON], pa.timestamp("s"), ["2024-03-05 12:00:00"], ["05.03.2024 12:00:00"]),
        (
            [dt.datetime(2024, 2, 29, 23, tzinfo=dt.UTC)],
            pa.timestamp("ms", "Europe/Berlin"),
            ["2024-03-01"],
            ["01.03.2024"],
        ),
        ([True, False], pa.bool_(), ["true", "false"], None),
        ([dt.time(9, 30)], pa.time32("s"), ["09:30:00"], None),
        ([[1, 2]], pa.list_(pa.int64()), ["[1, 2]"], ["[1, 2]"]),
        ([{"a": "ü"}], pa.struct([("a", pa.string())]), ['{"a": "ü"}'], None),
    ],
)
def test_values_of_every_type_are_the_text_of_the_dialect(
    values: list[object], kind: pa.DataType, plain: list[str], german: list[str] | None
) -> None:
    array = pa.array([None, *values], kind) if kind != pa.float32() else pa.array(values, kind)
    expected = plain if kind == pa.float32() else ["", *plain]
    assert as_text(array, PLAIN).to_pylist() == expected
    if german is not None:
        assert as_text(array, GERMAN).to_pylist()[-len(german) :] == german
    assert as_text(array[1:], PLAIN).to_pylist() == expected[1:]


def test_a_column_of_nulls_alone_is_empty_text() -> None:
    assert as_text(pa.nulls(2), PLAIN).to_pylist() == ["", ""]


def test_a_day_that_a_form_without_days_cannot_tell_is_written_in_full() -> None:
    days = pa.array([DAY, dt.date(2024, 3, 2)])
    assert as_text(days, Dialect(dates="MM/YYYY")).to_pylist() == ["03/2024", "2024-03-02"]


@given(st.lists(st.floats(), min_size=1))
def test_a_double_is_the_shortest_text_that_reads_as_the_same_number(values: list[float]) -> None:
    texts = as_text(pa.array(values, pa.float64()), PLAIN).to_pylist()
    assert np.array_equal(np.array([float(text) for text in texts]), values, equal_nan=True)
    for text, value in zip(texts, values, strict=True):
        assert _digits(text) == _digits(repr(value))


def _digits(number: str) -> str:
    mantissa = number.lower().partition("e")[0].replace("-", "").replace(".", "")
    return mantissa.strip("0")


@given(st.integers(0, 38), st.lists(st.integers(-(10**38) + 1, 10**38 - 1), min_size=1))
def test_a_decimal_is_written_with_all_its_digits(scale: int, unscaled: list[int]) -> None:
    values = [Decimal((int(one < 0), tuple(map(int, str(abs(one)))), -scale)) for one in unscaled]
    texts = as_text(pa.array(values, pa.decimal128(38, scale)), PLAIN).to_pylist()
    assert texts == [f"{value:f}" for value in values]


VALUE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=6)
ROWS = st.lists(
    st.builds(row, VALUE, st.sampled_from(["2024-03-01", "2024-04-01"]), Name=VALUE, Age=VALUE),
    min_size=1,
    max_size=20,
)


@settings(deadline=None)
@given(ROWS, st.permutations(COLUMNS), st.integers(1, 8), st.integers(1, 8), st.booleans())
def test_rows_of_text_are_read_as_they_were_written_in_whatever_batches(
    rows: list[dict[str, str]], columns: list[str], at_once: int, group: int, dictionary: bool
) -> None:
    table = pa.Table.from_pylist(rows).select(columns)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_rows, "_BATCH_ROWS", at_once)
        path = Path(folder, "x.parquet")
        put(path, table, row_group_size=group, use_dictionary=dictionary)
        found = read(path, ATTRIBUTES)
    assert found.rejected.num_rows == found.undated.num_rows == 0
    assert found.text(COLUMNS) == rows
    assert found.rows["line_number"].to_pylist() == list(range(1, len(rows) + 1))
    assert found.rows["source_file"].to_pylist() == ["x.parquet"] * len(rows)


def test_a_parquet_file_is_the_same_delivery_as_the_text_of_its_dialect(tmp_path: Path) -> None:
    source = replace(ATTRIBUTES, dialect=GERMAN)
    table = pa.table(
        {
            "Customer_ID": ["CUS_1", "CUS_2"],
            "Name": ["Jörg; Ulm", None],
            "Age": [30.5, None],
            "SSN": pa.array([None, Decimal("7.10")], pa.decimal128(5, 2)),
            "Occupation": [1, 2],
            "snapshot_date": pa.array([DAY, DAY], pa.date32()),
        }
    )
    path = tmp_path / "x.csv"
    path.write_text(
        ";".join(COLUMNS) + '\nCUS_1;"Jörg; Ulm";30,5;;1;01.03.2024\nCUS_2;;;7,10;2;01.03.2024\n',
        encoding="utf-8",
    )
    from_text = read(path, source).rows.select(COLUMNS)
    from_parquet = read(put(tmp_path / "x.parquet", table), source).rows.select(COLUMNS)
    assert from_parquet.to_pylist() == from_text.to_pylist()


def test_rows_that_cannot_be_text_or_name_no_month_are_rejected_alone(tmp_path: Path) -> None:
    names = [b"Ann", b"A\xffn", b"A\0n", b"x" * ((1 << 20) + 1), b"\xc3", b"\xa9"]
    days = [DAY, DAY, DAY, DAY, DAY, DAY, dt.date(2024, 3, 2), None]
    table = pa.table(
        {
            **{name: ["x"] * 8 for name in COLUMNS},
            "Name": pa.array([*names, b"Bea", b"Cid"], pa.binary()),
            "snapshot_date": pa.array(days, pa.date32()),
        }
    )
    found = read(put(tmp_path / "x.parquet", table), ATTRIBUTES)
    assert found.rows["line_number"].to_pylist() == [1]
    assert reasons(found.rejected) == [
        (2, "not valid UTF-8"),
        (3, "a NUL byte"),
        (4, "longer than 1,048,576 bytes"),
        (5, "not valid UTF-8"),
        (6, "not valid UTF-8"),
    ]
    assert json.loads(found.rejected["text"][0].as_py())["Name"] == "A\\xffn"
    date = "snapshot_date is not the first day of a month, written YYYY-MM-01"
    assert reasons(found.undated) == [(7, date), (8, date)]


def test_the_header_of_a_parquet_file_is_judged_like_that_of_a_text(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([{**row(), "Branch": 7}]).rename_columns(
        [f" {name} " for name in (*COLUMNS, "Branch")]
    )
    found = read(put(tmp_path / "x.parquet", table), ATTRIBUTES)
    assert found.text(COLUMNS) == [row()]
    assert found.rows["unknown_columns"].to_pylist() == ['{"Branch": "7"}']
    with pytest.raises(DeliveryError, match=r"x\.parquet lacks Customer_ID; its header is Name"):
        read(put(tmp_path / "x.parquet", table.drop_columns(" Customer_ID ")), ATTRIBUTES)
    twice = pa.Table.from_arrays([*table.columns, table.columns[0]], [*table.column_names, "SSN"])
    with pytest.raises(DeliveryError, match="more than one column named 'SSN'"):
        read(put(tmp_path / "x.parquet", twice), ATTRIBUTES)


def test_a_parquet_file_without_rows_is_read(tmp_path: Path) -> None:
    path = put(
        tmp_path / "x.parquet", pa.table({name: pa.array([], pa.string()) for name in COLUMNS})
    )
    assert read(path, ATTRIBUTES).rows.num_rows == 0


def test_a_parquet_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "x.parquet", [{**row()}] * 100)
    whole = path.read_bytes()
    for size in range(8, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(DeliveryError, match=r"x\.parquet is damaged or cut off"):
            read(path, ATTRIBUTES)


def test_a_row_is_lacking_a_column_from_the_month_in_which_it_is_delivered(tmp_path: Path) -> None:
    begins = {"Age": "2024-02-01"}
    ends = {"SSN": "2024-02-01"}
    columns = tuple(
        replace(one, begins=begins.get(one.header), ends=ends.get(one.header))
        for one in ATTRIBUTES.columns
    )
    source = replace(ATTRIBUTES, columns=columns)
    rows = [row(month=f"2024-0{month}-01") for month in (1, 2, 3)]
    without_age = [name for name in COLUMNS if name != "Age"]
    header = ",".join(without_age).encode()
    path = write(tmp_path / "x.csv", [line(one, without_age) for one in rows], header)
    found = read(path, source)
    assert found.text(COLUMNS) == [{**rows[0], "Age": None}]
    assert reasons(found.rejected) == [
        (number, "x.csv lacks the column Age, which is delivered from 2024-02 on")
        for number in (3, 4)
    ]
    table = pa.Table.from_pylist(rows).drop_columns("SSN")
    found = read(put(tmp_path / "x.parquet", table), source)
    assert found.text(COLUMNS) == [{**rows[2], "SSN": None}]
    assert reasons(found.rejected)[0] == (
        1,
        "x.parquet lacks the column SSN, which is delivered up to 2024-02",
    )
    own = write(tmp_path / "y.csv", [line(rows[0], without_age)], header)
    assert read(own, source, "2024-01-01").rows["Age"].to_pylist() == [None]


NAME = st.text(st.sampled_from("ab \\é_#/"), min_size=1, max_size=4).map(lambda name: f"x{name}x")
UNKNOWN = st.dictionaries(NAME, st.text(st.sampled_from('a"\\é,\t\x01\x1f\x7f /'), max_size=5))


@settings(deadline=None)
@given(st.lists(UNKNOWN, min_size=1, max_size=3), st.data())
def test_columns_that_the_contract_does_not_have_are_kept_as_json(
    written: list[dict[str, str]], data: st.DataObject
) -> None:
    names = list(dict.fromkeys(name for one in written for name in one))
    rows = [{**row(), **dict.fromkeys(names, ""), **one} for one in written]
    columns = data.draw(st.permutations([*COLUMNS, *names]))
    with TemporaryDirectory() as folder:
        header = line({name: name for name in columns}, columns)
        path = write(Path(folder, "x.csv"), [line(one, columns) for one in rows], header)
        found = read(path, ATTRIBUTES)
    kept = found.rows["unknown_columns"].to_pylist()
    assert [None if one is None else json.loads(one) for one in kept] == [
        {name: one[name] for name in columns if name in names} or None for one in rows
    ]
    assert ",".join(COLUMNS).encode() == HEADER
    assert found.text(COLUMNS) == [{name: one[name] for name in COLUMNS} for one in rows]
