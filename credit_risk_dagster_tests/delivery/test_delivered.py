import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from credit_risk_dagster.contract.reference import ATTRIBUTES, LOANS
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart import spool
from credit_risk_dagster.delivery import delivered as delivered_module
from credit_risk_dagster.delivery import month as month_module
from credit_risk_dagster.delivery.delivered import delivered_months
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.reader import Portion, read_file
from credit_risk_dagster.errors import DeliveryError
from credit_risk_dagster_tests.delivery.written import (
    SCRATCH,
    line,
    months_read,
    row,
    write,
    write_rows,
)

MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01"]
STEM = ATTRIBUTES.files[0]


def deliver(folder: Path) -> None:
    write_rows(folder / f"{STEM}.csv", [row(month=MONTHS[1]), row(month=MONTHS[0])])
    write(folder / f"{STEM}_2024-03.csv", [b"unreadable"])


def expected(folder: Path) -> dict[str, str]:
    return {found.month: found.content_hash for found in months_read(folder, ATTRIBUTES, MONTHS)}


def delivered(folder: Path, source: Source, accept: bool = False, **cache: Any) -> dict[str, str]:
    return delivered_months(folder, source, folder / SCRATCH, accept, **cache)


def test_every_month_with_a_line_is_found_with_the_hash_of_its_delivery(tmp_path: Path) -> None:
    deliver(tmp_path)
    write_rows(tmp_path / f"{STEM}_2024-04.csv", [])
    found = delivered(tmp_path, ATTRIBUTES)
    assert list(found) == MONTHS
    assert found == expected(tmp_path)


def test_a_source_without_files_has_no_months(tmp_path: Path) -> None:
    deliver(tmp_path)
    assert delivered(tmp_path, LOANS) == {}
    assert delivered(tmp_path / "nowhere", ATTRIBUTES) == {}


def test_a_file_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    deliver(tmp_path)
    (tmp_path / f"{STEM}_2024-02.csv").write_bytes(b"")
    with pytest.raises(DeliveryError, match="is empty"):
        delivered(tmp_path, ATTRIBUTES)


def test_each_file_is_read_once_but_for_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path)
    read: Counter[str] = Counter()

    def counted(file: DeliveredFile, *arguments: Any) -> Iterator[Portion]:
        read[file.relative] += 1
        return read_file(file, *arguments)

    monkeypatch.setattr(month_module, "read_file", counted)
    monkeypatch.setattr(spool, "BUFFER_BYTES", 100)
    assert list(delivered(tmp_path, ATTRIBUTES)) == MONTHS
    assert read == {f"{STEM}.csv": 1, f"{STEM}_2024-03.csv": 1}


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
    first = delivered(tmp_path, ATTRIBUTES, cache=cache)
    forbid_reading(monkeypatch)
    stored = json.loads(json.dumps(cache))
    again = delivered(tmp_path, ATTRIBUTES, cache=stored)
    assert again == first
    again.clear()
    assert delivered(tmp_path, ATTRIBUTES, cache=stored) == first


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
    before = delivered(tmp_path, ATTRIBUTES, cache=cache)
    change(tmp_path)
    after = delivered(tmp_path, ATTRIBUTES, cache=cache)
    assert after == expected(tmp_path) != before
    assert delivered(tmp_path, ATTRIBUTES, cache=cache) == after


def test_sources_and_settings_do_not_share_an_answer(tmp_path: Path) -> None:
    path = tmp_path / f"{STEM}.csv"
    write_rows(path, [row(month=MONTHS[0]), row(month=MONTHS[1])])
    path.write_bytes(path.read_bytes()[:-1])
    cache: dict[str, Any] = {}
    strict = delivered(tmp_path, ATTRIBUTES, cache=cache)
    assert delivered(tmp_path, LOANS, cache=cache) == {}
    lenient = delivered(tmp_path, ATTRIBUTES, accept=True, cache=cache)
    assert lenient[MONTHS[0]] == strict[MONTHS[0]]
    assert lenient[MONTHS[1]] != strict[MONTHS[1]]
