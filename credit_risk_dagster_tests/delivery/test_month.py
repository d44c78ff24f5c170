import os
from collections import Counter
from collections.abc import Sequence
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
from credit_risk_dagster.delivery.delivered import delivered_months
from credit_risk_dagster.delivery.month import read_months
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster.months import month_range
from credit_risk_dagster_tests.delivery.written import (
    COLUMNS,
    HEADER,
    SCRATCH,
    Delivered,
    line,
    months_read,
    reasons,
    row,
    taken,
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


def hashes(folder: Path | str, months: Sequence[str] = MONTHS) -> dict[str, str]:
    return {month: found.content_hash for month, found in deliveries(folder, months).items()}


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
    whole = write(tmp_path / f"{STEM}.csv", [line(row())], HEADER)
    os.utime(whole, (1_700_000_000, 1_700_000_000))
    written = [line({**row(number), "Branch": "x"}, (*COLUMNS, "Branch")) for number in "ab"]
    own = write(tmp_path / "2024-03" / f"{STEM}.csv", written, HEADER + b",Branch")
    write_rows(tmp_path / "2024-02" / f"{STEM}.csv", [row(month="2024-02-01")])
    first, second = delivery(tmp_path).files
    assert first == {
        "relative": whole.name,
        "size": whole.stat().st_size,
        "modified": "2023-11-14T22:13:20+00:00",
        "rows": 1,
        "extra_columns": [],
    }
    assert (second["relative"], second["rows"]) == (f"2024-03/{own.name}", 2)
    assert second["extra_columns"] == ["Branch"]


def test_a_row_delivered_twice_counts_twice(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}.csv", [row()])
    once = delivery(tmp_path).content_hash
    write_rows(tmp_path / f"{STEM}_2024-03.csv", [row()])
    assert delivery(tmp_path).rows.num_rows == 2
    assert delivery(tmp_path).content_hash != once


def test_equal_rows_and_rejected_lines_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    lines = [line(row()), line(row(Name="\0")), line(row())]
    write(tmp_path / f"{STEM}.csv", lines)
    write(tmp_path / "2024-03" / f"{STEM}.csv", lines)
    found = delivery(tmp_path)
    own, whole = f"2024-03/{STEM}.csv", f"{STEM}.csv"
    assert found.rows["source_file"].to_pylist() == [own, own, whole, whole]
    assert found.rows["line_number"].to_pylist() == [2, 4, 2, 4]
    assert found.rejected["source_file"].to_pylist() == [own, whole]


def test_rejected_rows_change_neither_rows_nor_hash(tmp_path: Path) -> None:
    path = write_rows(tmp_path / f"{STEM}.csv", [row()])
    before = delivery(tmp_path)
    write(path, [line(row(Name="\0")), line(row()), b""])
    after = delivery(tmp_path)
    assert after.content_hash == before.content_hash
    assert reasons(after.rejected) == [(2, "a NUL byte")]
    assert (after.undated, numbers(after.undated_lines)) == (1, [4])


def test_lines_without_a_month_are_told_to_every_month_that_read_the_file(tmp_path: Path) -> None:
    write(tmp_path / f"{STEM}.csv", [line(row(month=month)) for month in MONTHS[:2]] + [b"x", b""])
    write_rows(tmp_path / f"{STEM}_2024-03.csv", [row()])
    for found in deliveries(tmp_path).values():
        assert found.undated == 2
        assert numbers(found.undated_lines) == [4, 5]


def test_all_lines_without_a_month_are_counted_and_the_first_ones_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(month_module, "UNDATED_LISTED", 3)
    for name in (f"{STEM}.csv", f"{STEM}_b.csv"):
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


def test_a_month_of_rejected_lines_only_has_no_rows_but_is_delivered(tmp_path: Path) -> None:
    write(tmp_path / f"{STEM}_2024-03.csv", [b"x"])
    found = delivery(tmp_path)
    assert (found.rows.num_rows, found.rejected.num_rows) == (0, 1)
    assert found.files[0]["rows"] == 0


def test_only_cumulative_files_and_those_of_the_months_asked_are_opened(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}_2024-03.csv", [row()])
    (tmp_path / f"{STEM}_2024-02.csv").write_bytes(b"")
    assert delivery(tmp_path).rows.num_rows == 1
    (tmp_path / f"{STEM}_all.csv").write_bytes(b"")
    with pytest.raises(DeliveryError, match=rf"{STEM}_all\.csv is empty"):
        delivery(tmp_path)


def test_months_before_a_missing_or_unreadable_one_are_delivered_first(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}.csv", [row(month=MONTHS[0]), row(month=MONTHS[2])])
    found = months_read(tmp_path, ATTRIBUTES, MONTHS)
    assert next(found).month == MONTHS[0]
    with pytest.raises(DeliveryError, match="nothing was delivered for 2024-02"):
        next(found)
    (tmp_path / f"{STEM}_2024-02.csv").write_bytes(b"")
    found = months_read(tmp_path, ATTRIBUTES, MONTHS)
    assert next(found).month == MONTHS[0]
    with pytest.raises(DeliveryError, match=rf"{STEM}_2024-02\.csv is empty"):
        next(found)


def test_a_month_without_a_file_is_refused_with_the_name_expected(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}_2024-02.csv", [row(month="2024-02-01")])
    with pytest.raises(DeliveryError) as error:
        delivery(tmp_path)
    assert str(error.value) == (
        "attributes: nothing was delivered for 2024-03: there is no file of this source for it, "
        "and no cumulative one. Deliver features_attributes.csv with all months or "
        f"features_attributes_2024-03.csv to {tmp_path}."
    )


def test_a_month_without_rows_is_refused_with_the_files_looked_at(tmp_path: Path) -> None:
    write_rows(
        tmp_path / f"{STEM}.csv", [row(month="2024/03/01", Name="Zoe"), row(month=MONTHS[0])]
    )
    write_rows(tmp_path / f"{STEM}_2024-03.csv", [])
    with pytest.raises(DeliveryError) as error:
        delivery(tmp_path)
    message = str(error.value)
    assert f"no line of it is in {STEM}.csv, {STEM}_2024-03.csv" in message
    assert f"1 lines there name no month; the first is line 2 of {STEM}.csv: snapsh" in message
    assert "Zoe" not in message


def test_a_month_that_is_known_is_left_out_when_nothing_of_it_is_there(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}_2024-02.csv", [row("A", snapshot_date="2024-02-01")])
    found = months_read(tmp_path, ATTRIBUTES, MONTHS[:2], known=MONTHS[:2])
    assert [delivered.month for delivered in found] == ["2024-02-01"]
    with pytest.raises(DeliveryError, match="nothing was delivered for 2024-03"):
        list(months_read(tmp_path, ATTRIBUTES, MONTHS, known=MONTHS[:2]))


def test_no_months_asked_reads_nothing(tmp_path: Path) -> None:
    (tmp_path / f"{STEM}.csv").write_bytes(b"")
    assert deliveries(tmp_path, []) == {}


def test_a_month_asked_twice_is_delivered_once(tmp_path: Path) -> None:
    write_rows(tmp_path / f"{STEM}.csv", [row()])
    found = months_read(tmp_path, ATTRIBUTES, [MONTHS[2]] * 2)
    assert [one.month for one in found] == [MONTHS[2]]


VALUE = st.sampled_from(["", "a", "b", "é", 'a "b", c', "NULL", " "])
ROW = st.builds(row, VALUE, st.sampled_from(MONTHS), Name=VALUE, Age=VALUE)
ROWS = st.lists(ROW, max_size=10).map(lambda rows: [*(row(month=month) for month in MONTHS), *rows])


@settings(deadline=None)
@given(ROWS, st.data())
def test_any_order_of_rows_columns_and_files_is_the_same_delivery(
    rows: list[dict[str, str]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        write_rows(Path(one, f"{STEM}.csv"), rows)
        expected = deliveries(one)
        parts: dict[str, list[dict[str, str]]] = {}
        for values in data.draw(st.permutations(rows)):
            month = values[SNAPSHOT_DATE]
            names = [
                f"{STEM}.csv",
                f"{STEM}_b.csv",
                f"{STEM}_{month[:7]}.csv",
                f"{month}/{STEM}.csv",
            ]
            parts.setdefault(data.draw(st.sampled_from(names)), []).append(values)
        for name, part in parts.items():
            columns = data.draw(st.permutations(COLUMNS))
            write_rows(
                Path(other, name), part, columns, data.draw(st.sampled_from([b"\n", b"\r\n"]))
            )
        found = deliveries(other)
    for month in MONTHS:
        assert found[month].content_hash == expected[month].content_hash
        text = found[month].rows.select(COLUMNS)
        assert text.equals(expected[month].rows.select(COLUMNS))
        assert sum(file["rows"] for file in found[month].files) == text.num_rows


@settings(deadline=None)
@given(ROWS, ROWS)
def test_two_months_have_the_same_hash_exactly_when_they_have_the_same_rows(
    one: list[dict[str, str]], other: list[dict[str, str]]
) -> None:
    found = []
    for rows in (one, other):
        with TemporaryDirectory() as folder:
            write_rows(Path(folder, f"{STEM}.csv"), rows)
            found.append(hashes(folder))
    for month in MONTHS:
        counted = [
            Counter(tuple(values.values()) for values in rows if values[SNAPSHOT_DATE] == month)
            for rows in (one, other)
        ]
        assert (found[0][month] == found[1][month]) == (counted[0] == counted[1])


PIECE = st.sampled_from([b'"', b",", b"\r", b"\0", b"\xff", b"\n", b"2", b""])
DAMAGE = st.tuples(st.integers(0, 60), st.integers(0, 60), PIECE)


@st.composite
def damaged(draw: st.DrawFn, rows: st.SearchStrategy[dict[str, str]] = ROW) -> bytes:
    written = line(draw(rows))
    for position, removed, put in draw(st.lists(DAMAGE, max_size=2)):
        written = written[:position] + put + written[position + removed :]
    return written


@settings(deadline=None)
@given(st.lists(damaged(), max_size=8), st.lists(damaged(), max_size=8), st.booleans(), st.data())
def test_every_line_is_a_row_or_rejected_or_counted_without_a_month(
    whole: list[bytes], own: list[bytes], whole_line_end: bool, data: st.DataObject
) -> None:
    kept = [line(row(month=month)) for month in MONTHS]
    with TemporaryDirectory() as folder:
        path = write(Path(folder, f"{STEM}.csv"), data.draw(st.permutations(kept + whole)))
        if not whole_line_end:
            path.write_bytes(path.read_bytes()[:-1])
        second = write(Path(folder, f"{STEM}_2024-02.csv"), own)
        found = deliveries(folder)
        lines = [
            content.count(b"\n") + (not content.endswith(b"\n")) - 1
            for content in (path.read_bytes(), second.read_bytes())
        ]
    rows = sum(part.rows.num_rows for part in found.values())
    rejected = sum(part.rejected.num_rows for part in found.values())
    assert {part.undated for part in found.values()} == {found[MONTHS[0]].undated}
    assert rows + rejected + found[MONTHS[0]].undated == sum(lines)
    in_second = [
        *found["2024-02-01"].rows["source_file"].to_pylist(),
        *found["2024-02-01"].rejected["source_file"].to_pylist(),
    ].count(second.name)
    assert in_second == lines[1]


LATER = st.builds(row, VALUE, st.just("2024-04-01"), Name=VALUE)
DAMAGED_LATER = damaged(LATER).filter(lambda part: not any(m.encode() in part for m in MONTHS))


@settings(deadline=None)
@given(st.lists(damaged(), max_size=8), st.lists(DAMAGED_LATER, max_size=8))
def test_a_cumulative_file_that_grows_leaves_the_earlier_months_as_they_were(
    before: list[bytes], later: list[bytes]
) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder, f"{STEM}.csv"), [line(row(month=MONTHS[0])), *before])
        asked = list(delivered_months(Path(folder), ATTRIBUTES, Path(folder, SCRATCH)))
        first = deliveries(folder, asked)
        with path.open("ab") as stream:
            stream.write(b"".join(part + b"\n" for part in [line(row(month="2024-04-01")), *later]))
        second = deliveries(folder, [*asked, "2024-04-01"])
    for month in asked:
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
        path = tmp_path / month[:7] / f"{source.files[0]}.csv"
        write(path, [written.encode() for written in own], header.encode(), b"\r\n")
    scratch = tmp_path / SCRATCH
    whole = [taken(found) for found in read_months(sample, source, months, scratch)]
    by_month = [taken(found) for found in read_months(tmp_path, source, months, scratch)]
    assert [part.content_hash for part in by_month] == [part.content_hash for part in whole]
    delivered = sum(part.rows.num_rows for part in whole)
    assert delivered == sum(_snapshot(header, written, source) in months for written in lines)
    assert not any(part.rejected.num_rows or part.undated for part in whole + by_month)


def _snapshot(header: str, written: str, source: Source) -> str:
    """Snapshot_date is the last column, or the second where no value before it is quoted."""
    position = header.split(",").index(SNAPSHOT_DATE)
    return written.split(",")[position if position == 1 else -1]
