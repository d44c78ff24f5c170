import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.reference import ATTRIBUTES, LOANS
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery import files as files_module
from credit_risk_dagster.delivery.files import find_files, passed_over
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
        "lms_loan_daily.txt",
        "lms_loan_daily.csv.gz",
        "lms_loan_daily.TXT.ZST",
        "lms_loan_daily.parquet",
        "lms_loan_daily.xlsx",
        "lms_loan_daily",
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
        "lms_loan_daily.csv.part",
        "lms_loan_daily.csv.tmp",
        "lms_loan_daily.csv.gz.crdownload",
        "lms_loan_daily.parquet.filepart",
        "lms_loan_daily.csv.sha256",
        "lms_loan_daily/_SUCCESS",
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


def test_a_link_within_the_raw_folder_is_followed_once_even_in_a_circle(tmp_path: Path) -> None:
    put(tmp_path, ".incoming/17/lms_loan_daily.csv")
    (tmp_path / "2024-01").symlink_to(tmp_path / ".incoming" / "17")
    (tmp_path / ".incoming" / "17" / "back").symlink_to(tmp_path)
    (tmp_path / "2024-02").mkdir()
    (tmp_path / "2024-02" / "lms_loan_daily.csv").symlink_to("../.incoming/17/lms_loan_daily.csv")
    assert found(tmp_path) == {
        "2024-01/lms_loan_daily.csv": "2024-01-01",
        "2024-02/lms_loan_daily.csv": "2024-02-01",
    }
    assert passed_over(tmp_path, LOANS) == []


def test_a_raw_folder_that_is_a_link_is_looked_at(tmp_path: Path) -> None:
    put(tmp_path, "mounted/lms_loan_daily.csv")
    (tmp_path / "raw").symlink_to(tmp_path / "mounted")
    assert found(tmp_path / "raw") == {"lms_loan_daily.csv": None}
    assert passed_over(tmp_path / "raw", LOANS) == []


def test_a_link_out_of_the_raw_folder_is_not_followed_but_told(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/lms_loan_daily.csv", "raw/features_attributes.csv")
    raw = tmp_path / "raw"
    (raw / "2024-01").symlink_to(tmp_path / "elsewhere")
    (raw / "lms_loan_daily").symlink_to("../elsewhere")
    (raw / "lms_loan_daily.csv").symlink_to("../elsewhere/lms_loan_daily.csv")
    (raw / "lms_loan_daily_gone.csv").symlink_to("../elsewhere/gone.csv")
    (raw / "readme.txt").symlink_to("../elsewhere/lms_loan_daily.csv")
    assert found(raw) == {}
    told = {source.name: passed_over(raw, source) for source in (LOANS, ATTRIBUTES)}
    assert {one.reason for one in told["loans"]} == {"a link that leads out of the raw folder"}
    assert [one.relative for one in told["loans"]] == [
        "2024-01",
        "lms_loan_daily",
        "lms_loan_daily.csv",
        "lms_loan_daily_gone.csv",
    ]
    assert [one.relative for one in told["attributes"]] == ["2024-01"]


def patterns(monkeypatch: pytest.MonkeyPatch, *sources: Source) -> None:
    monkeypatch.setattr(files_module, "CONTRACT", replace(CONTRACT, sources=sources))


def test_a_pattern_takes_files_by_name_or_path_with_or_without_their_compression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loans = replace(LOANS, files=("kredite_*.csv", "export/*/darlehen*"))
    patterns(monkeypatch, loans, ATTRIBUTES)
    taken = [
        "kredite_2024-01.csv",
        "deep/kredite_all.csv.gz",
        "export/2024-02/darlehen.parquet",
        "export/a/b/darlehen.csv",
    ]
    put(tmp_path, *taken, "kredite_1.xlsx", "Kredite_1.csv", "darlehen.csv", "kredite.csv")
    files = find_files(tmp_path, loans)
    assert [file.relative for file in files] == sorted(taken)
    assert [file.month for file in files] == [None, "2024-02-01", None, "2024-01-01"]


def test_a_file_that_fits_two_sources_is_that_of_the_longer_stem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loans = replace(LOANS, files=("kredit", "extra.kredit"))
    attributes = replace(ATTRIBUTES, files=("kredit_kunden", "*antrag*"))
    patterns(monkeypatch, loans, attributes)
    put(tmp_path, "kredit.csv", "kredit_neu.csv", "kredit_kunden.csv", "kredit_antraege.csv")
    put(tmp_path, "extraXkredit.csv", "kredit/kredit_kunden_2.csv", "kredit/x.csv")
    assert [file.relative for file in find_files(tmp_path, loans)] == [
        "kredit.csv",
        "kredit/x.csv",
        "kredit_antraege.csv",
        "kredit_neu.csv",
    ]
    assert [file.relative for file in find_files(tmp_path, attributes)] == [
        "kredit/kredit_kunden_2.csv",
        "kredit_kunden.csv",
    ]


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
