import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_risk_dagster.contract.sources import ATTRIBUTES, LOANS
from credit_risk_dagster.delivery import delivered as delivered_module
from credit_risk_dagster.delivery.delivered import delivered_months
from credit_risk_dagster.delivery.month import read_months
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster_tests.delivery.written import line, row, write, write_rows

MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01"]
STEM = ATTRIBUTES.file_stem


def deliver(folder: Path) -> None:
    write_rows(folder / f"{STEM}.csv", [row(month=MONTHS[1]), row(month=MONTHS[0])])
    write(folder / f"{STEM}_2024-03.csv", [b"unreadable"])


def expected(folder: Path) -> dict[str, str]:
    return {found.month: found.content_hash for found in read_months(folder, ATTRIBUTES, MONTHS)}


def test_every_month_with_a_line_is_found_with_the_hash_of_its_delivery(tmp_path: Path) -> None:
    deliver(tmp_path)
    write_rows(tmp_path / f"{STEM}_2024-04.csv", [])
    found = delivered_months(tmp_path, ATTRIBUTES)
    assert list(found) == MONTHS
    assert found == expected(tmp_path)


def test_a_source_without_files_has_no_months(tmp_path: Path) -> None:
    deliver(tmp_path)
    assert delivered_months(tmp_path, LOANS) == {}
    assert delivered_months(tmp_path / "nowhere", ATTRIBUTES) == {}


def test_a_file_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    deliver(tmp_path)
    (tmp_path / f"{STEM}_2024-02.csv").write_bytes(b"")
    with pytest.raises(DeliveryError, match="is empty"):
        delivered_months(tmp_path, ATTRIBUTES)


@settings(deadline=None)
@given(st.lists(st.sampled_from(MONTHS), min_size=1, max_size=8), st.integers(1, 400))
def test_the_answer_does_not_depend_on_how_much_memory_there_is(
    months: list[str], memory: int
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        write_rows(Path(folder, f"{STEM}.csv"), [row(month=month) for month in months])
        at_once = delivered_months(Path(folder), ATTRIBUTES)
        patch.setattr(delivered_module, "MEMORY_BYTES", memory)
        assert delivered_months(Path(folder), ATTRIBUTES) == at_once
    assert list(at_once) == sorted(set(months))


def test_months_are_read_in_groups_that_fit_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(month=month) for month in MONTHS]
    write_rows(tmp_path / f"{STEM}.csv", rows)
    groups: list[list[str]] = []

    def recording(folder: Path, source: Any, months: list[str], accept: bool) -> Any:
        groups.append(months)
        return read_months(folder, source, months, accept)

    monkeypatch.setattr(delivered_module, "read_months", recording)
    monkeypatch.setattr(delivered_module, "MEMORY_BYTES", 2 * len(line(rows[0])))
    assert list(delivered_months(tmp_path, ATTRIBUTES)) == MONTHS
    assert groups == [MONTHS[:2], MONTHS[2:]]


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr(delivered_module, "read_header", fail)
    monkeypatch.setattr(delivered_module, "read_months", fail)


def test_an_unchanged_folder_is_answered_from_the_cache_without_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path)
    cache: dict[str, Any] = {}
    first = delivered_months(tmp_path, ATTRIBUTES, cache=cache)
    forbid_reading(monkeypatch)
    stored = json.loads(json.dumps(cache))
    again = delivered_months(tmp_path, ATTRIBUTES, cache=stored)
    assert again == first
    again.clear()
    assert delivered_months(tmp_path, ATTRIBUTES, cache=stored) == first


def changed_row(folder: Path) -> None:
    path = folder / f"{STEM}.csv"
    path.write_bytes(path.read_bytes().replace(b"Ann", b"Bob"))
    os.utime(path, (2_000_000_000, 2_000_000_000))


def new_file(folder: Path) -> None:
    write_rows(folder / f"{STEM}_2024-02.csv", [row(month=MONTHS[1])])


def longer_file(folder: Path) -> None:
    write(folder / f"{STEM}_2024-03.csv", [b"unreadable", line(row())])


@pytest.mark.parametrize("change", [changed_row, new_file, longer_file])
def test_a_changed_folder_is_read_again(tmp_path: Path, change: Any) -> None:
    deliver(tmp_path)
    cache: dict[str, Any] = {}
    before = delivered_months(tmp_path, ATTRIBUTES, cache=cache)
    change(tmp_path)
    after = delivered_months(tmp_path, ATTRIBUTES, cache=cache)
    assert after == expected(tmp_path) != before
    assert delivered_months(tmp_path, ATTRIBUTES, cache=cache) == after


def test_sources_and_settings_do_not_share_an_answer(tmp_path: Path) -> None:
    path = tmp_path / f"{STEM}.csv"
    write_rows(path, [row(month=MONTHS[0]), row(month=MONTHS[1])])
    path.write_bytes(path.read_bytes()[:-1])
    cache: dict[str, Any] = {}
    strict = delivered_months(tmp_path, ATTRIBUTES, cache=cache)
    assert delivered_months(tmp_path, LOANS, cache=cache) == {}
    lenient = delivered_months(tmp_path, ATTRIBUTES, accept_unterminated_line=True, cache=cache)
    assert lenient[MONTHS[0]] == strict[MONTHS[0]]
    assert lenient[MONTHS[1]] != strict[MONTHS[1]]
