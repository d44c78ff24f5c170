import csv
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.dialect import PLAIN
from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.delivery import lines as lines_module
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.reader import REJECTED_SCHEMA, read_file, rows_schema
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster_tests.delivery.grammar import DATE, QUOTES, judged
from credit_risk_dagster_tests.delivery.written import (
    COLUMNS,
    HEADER,
    described,
    line,
    reasons,
    row,
    text_rows,
    write,
)

MONTH = "2024-03-01"
CUT_OFF = "last line has no line end, so it may be cut off"
GOOD = line(row())


def read(
    path: Path,
    months: Sequence[str] = (MONTH,),
    month: str | None = None,
    accept_unterminated_line: bool = False,
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Rows, rejected and undated lines of a file, in the order of its lines."""
    file = described(path, month)
    header = read_header(file, ATTRIBUTES)
    rows = [rows_schema(ATTRIBUTES).empty_table()]
    rejected, undated = [REJECTED_SCHEMA.empty_table()], [REJECTED_SCHEMA.empty_table()]
    for portion in read_file(file, ATTRIBUTES, header, months, accept_unterminated_line):
        rows += portion.rows.values()
        rejected += portion.rejected.values()
        undated.append(portion.undated)
    in_order = [("line_number", "ascending")]
    return (
        pa.concat_tables(rows).sort_by(in_order),
        pa.concat_tables(rejected).sort_by(in_order),
        pa.concat_tables(undated).sort_by(in_order),
    )


def test_every_value_is_text_exactly_as_written(tmp_path: Path) -> None:
    written = [
        row("CUS_1", Name="NULL", Age="", Occupation="  nan "),
        row("CUS_2", Name='Ann "Lee", Jr.', Age="007", Occupation="1e5"),
        row("CUS_3", Name="Zoë\u2028\u0085", Age="_30_", Occupation=""),
    ]
    rows, rejected, undated = read(write(tmp_path / "x.csv", map(line, written)))
    assert text_rows(rows) == written
    assert rows.schema == rows_schema(ATTRIBUTES)
    assert rows["line_number"].to_pylist() == [2, 3, 4]
    assert rows["source_file"].to_pylist() == ["x.csv"] * 3
    assert rejected.num_rows == undated.num_rows == 0


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark_are_no_content(
    tmp_path: Path, end: bytes, mark: bytes
) -> None:
    columns = (*COLUMNS[1:], COLUMNS[0], "Branch")
    written = [row("CUS_1"), row("CUS_2")]
    lines = [line({**values, "Branch": "north"}, columns) for values in written]
    path = write(tmp_path / "x.csv", lines, mark + ",".join(columns).encode(), end)
    assert text_rows(read(path)[0]) == written


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "blank line"),
        (b"   ", "1 fields where the header has 6"),
        (GOOD + b",", "7 fields where the header has 6"),
        (GOOD.replace(b",30", b""), "5 fields where the header has 6"),
        (GOOD.replace(b"Ann", b'"Ann'), QUOTES),
        (GOOD.replace(b"Ann", b'Ann"'), QUOTES),
        (GOOD.replace(b"Ann", b'A"n"n'), QUOTES),
        (GOOD.replace(b"Ann,30", b'A"n,"30'), QUOTES),
        (GOOD.replace(b"Ann", b'"Ann" '), QUOTES),
        (GOOD.replace(b"Ann", b'"A"n"'), QUOTES),
        (GOOD.replace(b"2024-03-01", b'"2024-03-01'), QUOTES),
        (GOOD.replace(b"CUS", b'"CUS'), QUOTES),
        (GOOD.replace(b"2024-03-01", b"2024-03-02"), DATE),
        (GOOD.replace(b"2024-03-01", b"2024-13-01"), DATE),
        (GOOD.replace(b"2024-03-01", b"0000-03-01"), DATE),
        (GOOD.replace(b"2024-03-01", b"2024/03/01"), DATE),
        (GOOD.replace(b"2024-03-01", b" 2024-03-01"), DATE),
        (GOOD.replace(b"2024-03-01", b'"2024-03-0"'), DATE),
        (GOOD.replace(b"2024-03-01", b""), DATE),
    ],
)
def test_a_bad_line_without_a_month_is_rejected_alone_with_its_text(
    tmp_path: Path, bad: bytes, reason: str
) -> None:
    path = write(tmp_path / "x.csv", [GOOD, bad, GOOD])
    rows, rejected, undated = read(path)
    assert rows["line_number"].to_pylist() == [2, 4]
    assert rejected.num_rows == 0
    assert undated.to_pylist() == [
        {"source_file": "x.csv", "line_number": 3, "reason": reason, "text": bad.decode()}
    ]


@pytest.mark.parametrize(
    ("bad", "reason", "text"),
    [
        (GOOD.replace(b"Ann", b"A\x00n"), "a NUL byte", "A\\x00n"),
        (GOOD.replace(b"Ann", b"A\xffn"), "not valid UTF-8", "A\\xffn"),
        (GOOD.replace(b"Ann", b"A\xed\xa0\x80n"), "not valid UTF-8", "A\\xed\\xa0\\x80n"),
        (GOOD.replace(b"Ann", b"A\rn"), "a carriage return inside the line", "A\rn"),
    ],
)
def test_a_bad_line_whose_month_can_be_read_is_rejected_in_that_month(
    tmp_path: Path, bad: bytes, reason: str, text: str
) -> None:
    path = write(tmp_path / "x.csv", [GOOD, bad, GOOD], end=b"\r\n")
    rows, rejected, undated = read(path)
    assert rows["line_number"].to_pylist() == [2, 4]
    assert undated.num_rows == 0
    assert reasons(rejected) == [(3, reason)]
    assert text in rejected["text"][0].as_py()
    other_month = read(path, ["2024-04-01"])
    assert [table.num_rows for table in other_month] == [0, 0, 0]


def test_a_truncated_last_line_is_rejected_with_its_line_number(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\n".join([HEADER, GOOD, GOOD[:-3]]))
    rows, rejected, undated = read(path)
    assert rows["line_number"].to_pylist() == [2]
    assert reasons(undated) == [(3, CUT_OFF)]
    assert rejected.num_rows == 0


@pytest.mark.parametrize("tail", [b"", b"\r"])
def test_a_whole_last_line_without_a_line_end_is_rejected_unless_accepted(
    tmp_path: Path, tail: bytes
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\r\n".join([HEADER, GOOD, GOOD + tail]))
    rows, rejected, _ = read(path)
    assert (rows.num_rows, reasons(rejected)) == (1, [(3, CUT_OFF)])
    rows, rejected, _ = read(path, accept_unterminated_line=True)
    assert text_rows(rows) == [row(), row()]
    assert rejected.num_rows == 0


def test_accepting_a_last_line_without_a_line_end_excuses_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(HEADER + b"\n" + GOOD[:-1])
    assert reasons(read(path, accept_unterminated_line=True)[2]) == [(2, DATE)]


def test_a_line_longer_than_the_limit_is_rejected_and_never_held_whole(tmp_path: Path) -> None:
    long = GOOD.replace(b"Ann", b"x" * (20 << 20))
    for content in ([GOOD, long, GOOD], [long, long, GOOD]):
        _, _, undated = read(write(tmp_path / "x.csv", content))
        assert {reason for _, reason in reasons(undated)} == {"longer than 1,048,576 bytes"}
        assert undated.num_rows == content.count(long)
    assert max(map(len, undated["text"].to_pylist())) < 6 << 20
    path = tmp_path / "y.csv"
    path.write_bytes(HEADER + b"\n" + long)
    assert reasons(read(path)[2]) == [(2, "longer than 1,048,576 bytes")]


def test_a_line_of_exactly_the_limit_is_accepted(tmp_path: Path) -> None:
    fill = b"x" * (lines_module.LINE_LIMIT - len(GOOD) + len(b"Ann"))
    lines = [GOOD.replace(b"Ann", fill), GOOD.replace(b"Ann", fill + b"x")]
    rows, _, undated = read(write(tmp_path / "x.csv", lines, end=b"\r\n"))
    assert rows["line_number"].to_pylist() == [2]
    assert undated["line_number"].to_pylist() == [3]


def test_all_rejected_lines_of_a_file_for_a_month_belong_to_that_month(tmp_path: Path) -> None:
    april = line(row(month="2024-04-01"))
    path = write(tmp_path / "x.csv", [GOOD, april, b"", april.replace(b"Ann", b"\x00"), GOOD])
    rows, rejected, undated = read(path, month=MONTH)
    assert rows["line_number"].to_pylist() == [2, 6]
    assert reasons(rejected) == [
        (3, "snapshot_date 2024-04-01 in a file for 2024-03"),
        (4, "blank line"),
        (5, "a NUL byte"),
    ]
    assert undated.num_rows == 0


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    file = described(write(tmp_path / "x.csv", [GOOD]))
    with file.path.open("ab") as stream:
        stream.write(GOOD + b"\n")
    with pytest.raises(DeliveryError, match=r"x\.csv changed while it was being read\. Run again"):
        list(read_file(file, ATTRIBUTES, read_header(file, ATTRIBUTES), [MONTH]))


def test_a_file_replaced_by_one_of_the_same_size_is_refused(tmp_path: Path) -> None:
    file = described(write(tmp_path / "x.csv", [GOOD]))
    os.utime(file.path, (1_700_000_000, 1_700_000_000))
    with pytest.raises(DeliveryError, match="changed while it was being read"):
        list(read_file(file, ATTRIBUTES, read_header(file, ATTRIBUTES), [MONTH]))


VALUE = st.text(st.sampled_from("a7 é\u2028\x85\x0b\x0c\ufeff\t\\,;\"'#_"), max_size=6)
ROW = st.builds(row, VALUE, st.just(MONTH), Name=VALUE, Age=VALUE, SSN=VALUE, Occupation=VALUE)
ORDER = st.permutations(COLUMNS)
BLOCK = st.sampled_from([1, 7, 64, 1 << 20])


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=8), ORDER, st.sampled_from([b"\n", b"\r\n"]), BLOCK)
def test_valid_lines_are_read_as_the_csv_module_reads_them(
    written: list[dict[str, str]], columns: list[str], end: bytes, block: int
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "_BLOCK", block)
        lines = [line(values, columns) for values in written]
        path = write(Path(folder, "x.csv"), lines, ",".join(columns).encode(), end)
        rows, rejected, undated = read(path)
        with path.open(encoding="utf-8", newline="") as stream:
            expected = list(csv.DictReader(stream, strict=True))
    assert rejected.num_rows == undated.num_rows == 0
    assert text_rows(rows) == [{name: values[name] for name in COLUMNS} for values in expected]


PIECE = st.sampled_from([b'"', b'""', b",", b"\r", b"\0", b"\xff", b"\xc3\xa9", b"x", b" "])
CHANGE = st.tuples(st.integers(0, len(GOOD)), st.integers(0, 3), PIECE | st.just(b""))


@st.composite
def damaged_lines(draw: st.DrawFn) -> bytes:
    written = line(draw(ROW)) if draw(st.booleans()) else GOOD
    for position, removed, put in draw(st.lists(CHANGE, max_size=3)):
        written = written[:position] + put + written[position + removed :]
    return draw(st.just(written) | st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")))


@settings(deadline=None)
@given(st.lists(damaged_lines(), min_size=1, max_size=10), BLOCK)
def test_each_line_is_judged_by_itself_and_like_the_grammar_says(
    written: list[bytes], block: int
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "_BLOCK", block)
        rows, rejected, undated = read(write(Path(folder, "x.csv"), written))
    places: dict[str, list[object]] = {"rows": [], "rejected": [], "undated": []}
    for number, raw in enumerate(written, start=2):
        place, content = judged(raw.removesuffix(b"\r"), COLUMNS, MONTH, PLAIN)
        places[place].append((number, content))
    numbers = rows["line_number"].to_pylist()
    assert list(zip(numbers, text_rows(rows), strict=True)) == places["rows"]
    assert reasons(rejected) == places["rejected"]
    assert reasons(undated) == places["undated"]
