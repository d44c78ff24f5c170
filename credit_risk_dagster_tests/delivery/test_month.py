import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.contract.source import SNAPSHOT_DATE, Source
from credit_risk_dagster.datamart.content_hash import content_hash
from credit_risk_dagster.delivery import month as month_module
from credit_risk_dagster.delivery import reader
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.month import read_months
from credit_risk_dagster.delivery.reader import Portion, read_file
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.months import month_range
from credit_risk_dagster_tests.delivery.written import (
    COLUMNS,
    HEADER,
    SCRATCH,
    Delivered,
    described,
    line,
    months_read,
    reasons,
    row,
    text_rows,
    write,
    write_rows,
)

MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01"]
STEM = ATTRIBUTES.files[0]


def deliveries(folder: Path | str, months: Sequence[str] = MONTHS) -> dict[str, Delivered]:
    return {found.month: found for found in months_read(folder, ATTRIBUTES, months)}


def delivery(folder: Path, month: str = "2024-03-01") -> Delivered:
    return deliveries(folder, [month])[month]


def numbers(lines: Sequence[dict[str, Any]]) -> list[int]:
    return [line["line_number"] for line in lines]


def hashes(folder: Path | str, months: Sequence[str] = MONTHS) -> dict[str, tuple[str, str]]:
    return {
        month: (found.content_hash, found.fingerprint)
        for month, found in deliveries(folder, months).items()
    }


def test_rows_are_sorted_by_key_then_by_all_other_values(tmp_path: Path) -> None:
    given_rows = [row("B"), row("A", Name="b"), row("é"), row("A", Name="a"), row("A", Name="b")]
    path = write_rows(tmp_path / f"{STEM}.csv", given_rows)
    found = delivery(tmp_path)
    order = [(values["Customer_ID"], values["Name"]) for values in text_rows(found.rows)]
    assert order == [("A", "a"), ("A", "b"), ("A", "b"), ("B", "Ann"), ("é", "Ann")]
    assert found.rows["line_number"].to_pylist() == [5, 3, 6, 2, 4]
    assert found.rows["source_file"].to_pylist() == [path.name] * 5
    assert found.rows.column_names == [
        *COLUMNS,
        "unknown_columns",
        "source_file",
        "line_number",
    ]


def test_the_content_hash_is_that_of_the_text_columns(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}.csv", [row("B"), row("A")])
    expected = pa.table({name: [row("A")[name], row("B")[name]] for name in COLUMNS})
    assert delivery(tmp_path).content_hash == content_hash(expected)


def test_files_tell_where_the_rows_came_from(tmp_path: Path) -> None:
    first = write(tmp_path / f"{STEM}_part1.csv", [line(row())], HEADER)
    os.utime(first, (1_700_000_000, 1_700_000_000))
    written = [line({**row(number), "Branch": "x"}, (*COLUMNS, "Branch")) for number in "ab"]
    second = write(tmp_path / f"{STEM}_part2.csv", written, HEADER + b",Branch")
    write_rows(tmp_path / "2024-02" / f"{STEM}.csv", [row(month="2024-02-01")])
    found = delivery(tmp_path).files
    assert found[0] == {
        "relative": first.name,
        "size": first.stat().st_size,
        "modified": "2023-11-14T22:13:20+00:00",
        "rows": 1,
        "extra_columns": [],
    }
    assert (found[1]["relative"], found[1]["rows"]) == (second.name, 2)
    assert found[1]["extra_columns"] == ["Branch"]
    assert len(found) == 2


def test_a_row_delivered_twice_counts_twice(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}.csv", [row()])
    once = delivery(tmp_path)
    write_rows(tmp_path / f"{STEM}.csv", [row(), row()])
    twice = delivery(tmp_path)
    assert twice.rows.num_rows == 2
    assert twice.content_hash != once.content_hash
    assert twice.fingerprint != once.fingerprint


def test_equal_rows_and_rejected_lines_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    lines = [line(row()), line(row(Name="\0")), line(row())]
    names = [f"{STEM}_part1.csv", f"{STEM}_part2.csv"]
    for name in reversed(names):
        write(tmp_path / name, lines)
    found = delivery(tmp_path)
    assert found.rows["source_file"].to_pylist() == [names[0], names[0], names[1], names[1]]
    assert found.rows["line_number"].to_pylist() == [2, 4, 2, 4]
    assert found.rejected["source_file"].to_pylist() == names


def test_rejected_rows_change_neither_rows_nor_hash(tmp_path: Path) -> None:
    path = write_rows(tmp_path / f"{STEM}.csv", [row()])
    before = delivery(tmp_path)
    write(path, [line(row(Name="\0")), line(row()), b""])
    after = delivery(tmp_path)
    assert after.content_hash == before.content_hash
    assert after.fingerprint == before.fingerprint
    assert reasons(after.rejected) == [(2, "a NUL byte")]
    assert (after.undated, numbers(after.undated_lines)) == (1, [4])


def test_lines_without_a_month_are_told_to_every_month_that_read_the_file(tmp_path: Path) -> None:
    write(tmp_path / f"{STEM}.csv", [line(row(month=month)) for month in MONTHS[:2]] + [b"x", b""])
    write_rows(tmp_path / f"{STEM}_2024-03.csv", [row()])
    found = deliveries(tmp_path)
    for month in MONTHS[:2]:
        assert found[month].undated == 2
        assert numbers(found[month].undated_lines) == [4, 5]
    assert found[MONTHS[2]].undated == 0


def test_all_lines_without_a_month_are_counted_and_the_first_ones_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(month_module, "UNDATED_LISTED", 3)
    for name in (f"{STEM}_part1.csv", f"{STEM}_part2.csv"):
        write(tmp_path / name, [line(row()), b"", b""])
    found = delivery(tmp_path)
    assert found.undated == 4
    assert numbers(found.undated_lines) == [3, 4, 3]


@pytest.mark.parametrize("at_a_time", [1, 2, 3, 100])
def test_however_many_rejected_lines_are_looked_at_at_a_time_they_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(reader, "REJECTED_AT_A_TIME", at_a_time)
    bad = line(row(Name="\0"))
    write(tmp_path / f"{STEM}.csv", [bad, b"", line(row()), bad, b"x", bad, bad])
    found = delivery(tmp_path)
    assert (found.rows.num_rows, found.undated) == (1, 2)
    assert found.rejected["line_number"].to_pylist() == [2, 5, 7, 8]
    assert numbers(found.undated_lines) == [3, 6]


def test_only_the_files_of_a_month_are_opened_and_each_of_them_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = described(write_rows(tmp_path / "whole.csv", [row(month=month) for month in MONTHS]))
    own = described(write_rows(tmp_path / "own.csv", [row(month=MONTHS[2])]), MONTHS[2])
    opened: Counter[str] = Counter()

    def counted(file: DeliveredFile, *arguments: Any) -> Iterator[Portion]:
        opened[file.relative] += 1
        return read_file(file, *arguments)

    monkeypatch.setattr(month_module, "read_file", counted)
    months = {MONTHS[0]: [whole], MONTHS[1]: [whole], MONTHS[2]: [own]}
    read = list(read_months(ATTRIBUTES, months, tmp_path / SCRATCH))
    assert [(one.month, one.num_rows) for one in read] == [(month, 1) for month in MONTHS]
    assert opened == {"whole.csv": 1, "own.csv": 1}


def test_a_month_without_files_has_no_rows(tmp_path: Path) -> None:
    (read,) = read_months(ATTRIBUTES, {MONTHS[0]: []}, tmp_path)
    assert (read.num_rows, read.num_rejected, read.files, read.undated) == (0, 0, [], 0)
    assert list(read.rows()) == []


def test_months_before_one_that_cannot_be_read_are_delivered_first(tmp_path: Path) -> None:
    good = described(write_rows(tmp_path / "good.csv", [row(month=MONTHS[0])]), MONTHS[0])
    bad = described(write_rows(tmp_path / "bad.csv", [row(month=MONTHS[1])]), MONTHS[1])
    bad.path.write_bytes(b"")
    read = read_months(ATTRIBUTES, {MONTHS[0]: [good], MONTHS[1]: [bad]}, tmp_path)
    assert next(read).month == MONTHS[0]
    with pytest.raises(DeliveryError, match=r"bad\.csv changed while it was being read"):
        next(read)


VALUE = st.sampled_from(["", "a", "b", "é", 'a "b", c', "NULL", " "])
ROW = st.builds(row, VALUE, st.sampled_from(MONTHS), Name=VALUE, Age=VALUE)
ROWS = st.lists(ROW, max_size=10).map(lambda rows: [*(row(month=month) for month in MONTHS), *rows])


@settings(deadline=None, max_examples=40)
@given(ROWS, st.data())
def test_any_order_of_rows_columns_and_files_is_the_same_delivery(
    rows: list[dict[str, str]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        write_rows(Path(one, f"{STEM}.csv"), rows)
        expected = deliveries(one)
        parts: dict[str, list[dict[str, str]]] = {}
        for values in data.draw(st.permutations(rows)):
            names = [f"{STEM}_part{number}.csv" for number in range(4)]
            parts.setdefault(data.draw(st.sampled_from(names)), []).append(values)
        for name, part in parts.items():
            columns = data.draw(st.permutations(COLUMNS))
            write_rows(
                Path(other, name), part, columns, data.draw(st.sampled_from([b"\n", b"\r\n"]))
            )
        found = deliveries(other)
    for month in MONTHS:
        assert found[month].content_hash == expected[month].content_hash
        assert found[month].fingerprint == expected[month].fingerprint
        text = found[month].rows.select(COLUMNS)
        assert text.equals(expected[month].rows.select(COLUMNS))
        assert sum(file["rows"] for file in found[month].files) == text.num_rows


@settings(deadline=None, max_examples=40)
@given(ROWS, ROWS)
def test_two_months_have_the_same_hashes_exactly_when_they_have_the_same_rows(
    some: list[dict[str, str]], others: list[dict[str, str]]
) -> None:
    found = []
    for rows in (some, others):
        with TemporaryDirectory() as folder:
            write_rows(Path(folder, f"{STEM}.csv"), rows)
            found.append(hashes(folder))
    for month in MONTHS:
        counted = [
            Counter(tuple(values.values()) for values in rows if values[SNAPSHOT_DATE] == month)
            for rows in (some, others)
        ]
        for one, another in zip(found[0][month], found[1][month], strict=True):
            assert (one == another) == (counted[0] == counted[1])


PIECE = st.sampled_from([b'"', b",", b"\r", b"\0", b"\xff", b"\n", b"2", b""])
DAMAGE = st.tuples(st.integers(0, 60), st.integers(0, 60), PIECE)


@st.composite
def damaged(draw: st.DrawFn, rows: st.SearchStrategy[dict[str, str]] = ROW) -> bytes:
    written = line(draw(rows))
    for position, removed, put in draw(st.lists(DAMAGE, max_size=2)):
        written = written[:position] + put + written[position + removed :]
    return written


@settings(deadline=None, max_examples=40)
@given(st.lists(damaged(), max_size=8), st.lists(damaged(), max_size=8), st.booleans(), st.data())
def test_every_line_is_a_row_or_rejected_or_counted_without_a_month(
    some: list[bytes], others: list[bytes], whole_line_end: bool, data: st.DataObject
) -> None:
    kept = [line(row(month=month)) for month in MONTHS]
    with TemporaryDirectory() as folder:
        path = write(Path(folder, f"{STEM}_part1.csv"), data.draw(st.permutations(kept + some)))
        if not whole_line_end:
            path.write_bytes(path.read_bytes()[:-1])
        second = write(Path(folder, f"{STEM}_part2.csv"), [*kept, *others])
        found = deliveries(folder)
        lines = [
            content.count(b"\n") + (not content.endswith(b"\n")) - 1
            for content in (path.read_bytes(), second.read_bytes())
        ]
    rows = sum(part.rows.num_rows for part in found.values())
    rejected = sum(part.rejected.num_rows for part in found.values())
    (undated,) = {part.undated for part in found.values()}
    assert rows + rejected + undated == sum(lines)


LATER = st.builds(row, VALUE, st.just("2024-04-01"), Name=VALUE)
DAMAGED_LATER = damaged(LATER).filter(lambda part: not any(m.encode() in part for m in MONTHS))


@settings(deadline=None, max_examples=40)
@given(st.lists(damaged(), max_size=8), st.lists(DAMAGED_LATER, max_size=8))
def test_a_cumulative_file_that_grows_leaves_the_earlier_months_as_they_were(
    before: list[bytes], later: list[bytes]
) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder, f"{STEM}.csv"), [line(row(month=MONTHS[0])), *before])
        first = {one.month: one for one in months_read(folder, ATTRIBUTES)}
        with path.open("ab") as stream:
            stream.write(b"".join(part + b"\n" for part in [line(row(month="2024-04-01")), *later]))
        second = deliveries(folder, [*first, "2024-04-01"])
    for month in first:
        assert second[month].content_hash == first[month].content_hash
        assert second[month].rows.equals(first[month].rows)
        assert second[month].rejected.equals(first[month].rejected)
    new_lines = 1 + len(later) + b"".join(later).count(b"\n")
    april = second["2024-04-01"]
    in_april = april.rows.num_rows + april.rejected.num_rows
    assert in_april + april.undated - first[MONTHS[0]].undated == new_lines


@pytest.mark.parametrize("source", CONTRACT.sources, ids=lambda source: source.name)
def test_the_sample_extract_is_the_same_delivered_whole_or_by_month(
    sample: Path, tmp_path: Path, source: Source
) -> None:
    months = month_range("2023-01-01", "2024-12-01")
    text = (sample / f"{source.files[0]}.csv").read_text(encoding="utf-8")
    header, *lines = text.splitlines()
    for month in months:
        own = [written for written in reversed(lines) if month in written]
        own = [written for written in own if _snapshot(header, written, source) == month]
        path = tmp_path / "by_month" / month[:7] / f"{source.files[0]}.csv"
        write(path, [written.encode() for written in own], header.encode(), b"\r\n")
    (tmp_path / "whole").mkdir()
    shutil.copy(sample / f"{source.files[0]}.csv", tmp_path / "whole")
    whole = list(months_read(tmp_path / "whole", source, months))
    by_month = list(months_read(tmp_path / "by_month", source, months))
    assert [part.fingerprint for part in by_month] == [part.fingerprint for part in whole]
    assert [part.content_hash for part in by_month] == [part.content_hash for part in whole]
    delivered = sum(part.rows.num_rows for part in whole)
    assert delivered == sum(_snapshot(header, written, source) in months for written in lines)
    assert not any(part.rejected.num_rows or part.undated for part in whole + by_month)


def _snapshot(header: str, written: str, source: Source) -> str:
    """Snapshot_date is the last column, or the second where no value before it is quoted."""
    position = header.split(",").index(SNAPSHOT_DATE)
    return written.split(",")[position if position == 1 else -1]
