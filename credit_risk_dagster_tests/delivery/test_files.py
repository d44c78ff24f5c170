import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.reference import ATTRIBUTES, LOANS
from credit_risk_dagster.delivery.files import find_files
from credit_risk_dagster.errors import DeliveryError


def put(folder: Path, *relatives: str) -> None:
    for relative in relatives:
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")


def found(folder: Path) -> dict[str, str | None]:
    return {file.relative: file.month for file in find_files(folder, LOANS)}


@pytest.mark.parametrize(
    "relative",
    [
        "lms_loan_daily.csv",
        "lms_loan_daily.CSV",
        "deep/er/lms_loan_daily.csv",
        "lms_loan_daily_full.csv",
        "lms_loan_daily-part.2.csv",
        "lms_loan_daily/part-0.csv",
        "lms_loan_daily/deep/part-0.csv",
        "lms_loan_daily.csv/part-00000-8a7f2024-01f0-4c2e-9b1d-202401202402-c000.csv",
        "lms_loan_daily_2023-01_2024-12.csv",
        "lms_loan_daily_20230101-20241201.csv",
        "2024-02/lms_loan_daily_2024-01.csv",
        "lms_loan_daily_2024-01-15.csv",
        "lms_loan_daily_20240115.csv",
        "lms_loan_daily_2024-13.csv",
        "lms_loan_daily_12024-01.csv",
        "lms_loan_daily_2024-011.csv",
        "lms_loan_daily_v202401.csv",
        "2024/lms_loan_daily.csv",
    ],
)
def test_a_file_of_the_source_without_one_month_in_its_path_is_cumulative(
    tmp_path: Path, relative: str
) -> None:
    put(tmp_path, relative)
    assert found(tmp_path) == {relative: None}


@pytest.mark.parametrize(
    "relative",
    [
        "lms_loan_daily_2024-01.csv",
        "lms_loan_daily-2024_01.csv",
        "lms_loan_daily.202401.csv",
        "lms_loan_daily_2024-01-01.csv",
        "lms_loan_daily_20240101.csv",
        "lms_loan_daily_2024_01_01.csv",
        "lms_loan_daily_2024-01_2.csv",
        "lms_loan_daily/2024-01.csv",
        "lms_loan_daily/2024-01/part-0.csv",
        "lms_loan_daily/snapshot_date=2024-01-01/part-0.csv",
        "lms_loan_daily_2024-01/part-0.csv",
        "2024-01/lms_loan_daily.csv",
        "2024-01/lms_loan_daily_2024-01-01.csv",
        "delivered/2024_01/lms_loan_daily.csv",
    ],
)
def test_a_file_with_a_month_in_its_path_is_for_that_month(tmp_path: Path, relative: str) -> None:
    put(tmp_path, relative)
    assert found(tmp_path) == {relative: "2024-01-01"}


@pytest.mark.parametrize(
    "relative",
    [
        "lms_loan_daily2.csv",
        "old_lms_loan_daily.csv",
        "lms_loan_daily.txt",
        "lms_loan_daily.csv.gz",
        "lms_loan_daily.csv.part",
        "lms_loan_daily.csv.tmp",
        ".lms_loan_daily.csv",
        ".staging/lms_loan_daily.csv",
        "upload.part/lms_loan_daily.csv",
        "features_attributes.csv",
        "lms_loan_daily/features_attributes.csv",
    ],
)
def test_a_file_of_another_name_or_hidden_or_unfinished_is_not_of_the_source(
    tmp_path: Path, relative: str
) -> None:
    put(tmp_path, relative)
    assert found(tmp_path) == {}


def test_every_file_belongs_to_one_source_by_its_own_name_first(tmp_path: Path) -> None:
    put(tmp_path, "lms_loan_daily/features_attributes.csv", "features_attributes/2024-01.csv")
    owners = {source.name: find_files(tmp_path, source) for source in CONTRACT.sources}
    assert {name: len(files) for name, files in owners.items() if files} == {ATTRIBUTES.name: 2}


def test_files_come_in_the_order_of_their_paths_with_size_and_time(tmp_path: Path) -> None:
    names = ["b/lms_loan_daily.csv", "a/lms_loan_daily.csv", "lms_loan_daily_2024-01.csv"]
    put(tmp_path, *names)
    os.utime(tmp_path / names[0], (1_700_000_000, 1_700_000_000))
    files = find_files(tmp_path, LOANS)
    assert [file.relative for file in files] == sorted(names)
    assert [file.path for file in files] == [tmp_path / name for name in sorted(names)]
    assert files[1].size == len(b"content")
    assert files[1].modified == datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_raw_folder_that_does_not_exist_holds_no_files(tmp_path: Path) -> None:
    assert find_files(tmp_path / "raw", LOANS) == []


def test_a_raw_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "raw")
    with pytest.raises(DeliveryError, match=r"loans: cannot look at .*raw: Not a directory"):
        find_files(tmp_path / "raw", LOANS)


def test_a_linked_folder_is_followed_once_even_in_a_circle(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/lms_loan_daily.csv")
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "2024-01").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(raw)
    assert found(raw) == {"2024-01/lms_loan_daily.csv": "2024-01-01"}


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lms_loan_daily.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(DeliveryError, match=r"lms_loan_daily\.csv: No such file"):
        find_files(tmp_path, LOANS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_refused_not_skipped(tmp_path: Path) -> None:
    put(tmp_path, "closed/lms_loan_daily.csv")
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.raises(DeliveryError, match=r"closed: Permission denied\. Give"):
            find_files(tmp_path, LOANS)
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_file_name_that_is_not_utf8_is_named_readably(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"lms_loan_daily_\xff.csv")).write_bytes(b"content")
    assert found(tmp_path) == {"lms_loan_daily_\\xff.csv": None}
