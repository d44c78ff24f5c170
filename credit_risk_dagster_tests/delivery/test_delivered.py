"""A file is taken into the ledger once, when it has settled, and read again only if it changed."""

import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.delivery import delivered as delivered_module
from credit_risk_dagster.delivery import look
from credit_risk_dagster.delivery.contents import read_contents
from credit_risk_dagster.delivery.decisions import Decisions
from credit_risk_dagster.delivery.delivered import Arrivals, known_decisions, take_arrivals
from credit_risk_dagster.delivery.entries import Contents, Verb
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.delivery.ledger import DeliveryLedger
from credit_risk_dagster.delivery.look import sort_files
from credit_risk_dagster.delivery.ruling import Status
from credit_risk_dagster.months import add_months
from credit_risk_dagster.settings import Settings
from credit_risk_dagster_tests.delivery.written import (
    NOW,
    ledger_of,
    line,
    row,
    settings_of,
    write,
    write_rows,
)
from credit_risk_dagster_tests.postgres import PostgresServer

MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01"]
STEM = ATTRIBUTES.files[0]
AT_ONCE: dict[str, Any] = {"at_once": True}


class Folder:
    """A raw folder that is looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = settings_of(path)
        self.ledger = ledger_of(self.settings)

    def look(self, seconds: int = 0, **how: Any) -> Arrivals:
        """Look at it so many seconds after the beginning."""
        now = NOW + timedelta(seconds=seconds)
        return take_arrivals(self.settings, self.ledger, now, [ATTRIBUTES], **how)

    def decided(self, seconds: int = 0, **how: Any) -> Decisions:
        return self.look(seconds, **how).decisions["attributes"]

    def rows(self, name: str, *months: str) -> Path:
        return write_rows(self.path / f"{STEM}{name}", [row(month=month) for month in months])


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was read."""
    counted: Counter[str] = Counter()

    def counting(file: DeliveredFile, *arguments: Any) -> Contents:
        counted[file.relative] += 1
        return read_contents(file, *arguments)

    monkeypatch.setattr(delivered_module, "read_contents", counting)
    return counted


def paths(decisions: Decisions) -> dict[str, list[str]]:
    return {
        month: [file.path.removeprefix(STEM) for file in one.files if one.is_there]
        for month, one in decisions.months.items()
    }


def statuses(decisions: Decisions) -> dict[str, str]:
    return {one.file.path.removeprefix(STEM): one.status for one in decisions.files}


def test_a_file_is_taken_when_it_has_not_changed_for_a_minute(
    folder: Folder, read: Counter[str]
) -> None:
    path = folder.rows(".csv", MONTHS[0])
    first = folder.look()
    assert statuses(first.decisions["attributes"]) == {".csv": "waiting"}
    assert [file.path for file in first.unsettled] == [path]
    folder.rows(".csv", *MONTHS[:2])
    assert paths(folder.decided(60)) == {}, "it was changed meanwhile"
    assert paths(folder.decided(119)) == {}
    assert not read
    taken = folder.look(120)
    assert paths(taken.decisions["attributes"]) == {MONTHS[0]: [".csv"], MONTHS[1]: [".csv"]}
    assert [one.file.path for one in taken.taken["attributes"]] == [path.name]
    assert folder.look(180).taken == {"attributes": []}
    assert read == {path.name: 1}


def test_a_person_who_asks_has_it_at_once(folder: Folder) -> None:
    folder.rows(".csv", MONTHS[0])
    assert paths(folder.decided(**AT_ONCE)) == {MONTHS[0]: [".csv"]}


def test_nothing_is_read_where_nothing_has_changed(folder: Folder, read: Counter[str]) -> None:
    folder.rows(".csv", MONTHS[0])
    folder.rows("_2024-02.csv", MONTHS[1])
    before = folder.decided(**AT_ONCE)
    assert folder.decided(600, **AT_ONCE) == before
    assert read == {f"{STEM}.csv": 1, f"{STEM}_2024-02.csv": 1}
    known, new = sort_files(folder.settings, folder.ledger, ATTRIBUTES)
    assert (len(known), new) == (2, [])


def test_a_file_that_was_only_touched_is_the_same_delivery(
    folder: Folder, read: Counter[str]
) -> None:
    path = folder.rows("_2024-01.csv", MONTHS[0])
    os.utime(path, (1_000_000_000, 1_000_000_000))
    folder.rows("_2024-01_corrected.csv", MONTHS[0])
    before = folder.decided(**AT_ONCE)
    os.utime(path)
    os.utime(path, (2_000_000_000, 2_000_000_000))
    after = folder.decided(10, **AT_ONCE)
    assert paths(after) == paths(before) == {MONTHS[0]: ["_2024-01_corrected.csv"]}
    assert read[path.name] == 1


def test_the_months_whose_rows_did_not_change_keep_their_fingerprint(folder: Folder) -> None:
    folder.rows(".csv", *MONTHS[:2])
    before = folder.decided(**AT_ONCE).months
    folder.rows(".csv", *reversed(MONTHS))
    grown = folder.decided(10, **AT_ONCE).months
    assert list(grown) == MONTHS
    assert [grown[month].fingerprint for month in MONTHS[:2]] == [
        before[month].fingerprint for month in MONTHS[:2]
    ]
    write_rows(folder.path / f"{STEM}.csv", [row(month=MONTHS[0]), row(month=MONTHS[1], Age="3")])
    changed = folder.decided(20, **AT_ONCE).months
    assert changed[MONTHS[0]].fingerprint == before[MONTHS[0]].fingerprint
    assert changed[MONTHS[1]].fingerprint != before[MONTHS[1]].fingerprint


def test_the_same_file_under_another_name_supersedes_it_and_changes_nothing(folder: Folder) -> None:
    folder.rows("_2024-01.csv", MONTHS[0])
    before = folder.decided(**AT_ONCE).months[MONTHS[0]]
    folder.rows("_2024-01_again.csv", MONTHS[0])
    found = folder.decided(10, **AT_ONCE)
    assert paths(found) == {MONTHS[0]: ["_2024-01_again.csv"]}
    assert found.months[MONTHS[0]].fingerprint == before.fingerprint
    assert statuses(found)["_2024-01.csv"] == "superseded"


def test_a_content_that_comes_back_is_not_read_again(folder: Folder, read: Counter[str]) -> None:
    path = folder.rows(".csv", MONTHS[0])
    good = path.read_bytes()
    first = folder.decided(**AT_ONCE).months
    path.write_bytes(good.replace(b"Ann", b"Bob"))
    wrong = folder.decided(10, **AT_ONCE).months
    path.write_bytes(good)
    back = folder.decided(20, **AT_ONCE).months
    assert first[MONTHS[0]].fingerprint == back[MONTHS[0]].fingerprint
    assert wrong[MONTHS[0]].fingerprint != back[MONTHS[0]].fingerprint
    assert back[MONTHS[0]].is_there
    assert read[path.name] == 2


def test_a_bad_file_is_set_aside_and_the_others_go_on(folder: Folder) -> None:
    folder.rows("_2024-01.csv", MONTHS[0])
    write(folder.path / f"{STEM}_2024-02.csv", [b"1,2"], header=b"Name,Age")
    write(folder.path / f"{STEM}_2024-03.csv", [b"x", b""])
    (folder.path / f"{STEM}_2024-04.csv").write_bytes(b"")
    found = folder.decided(**AT_ONCE)
    assert paths(found) == {MONTHS[0]: ["_2024-01.csv"]}
    refused = {one.file.path: one.reason for one in found.files if one.status is Status.REFUSED}
    assert "lacks Customer_ID" in refused[f"{STEM}_2024-02.csv"]
    assert refused[f"{STEM}_2024-03.csv"] == (
        f"attributes: {STEM}_2024-03.csv holds no row that can be read: all of its 2 lines were "
        "rejected, the first is line 2: 1 fields where the header has 6. Deliver it again, "
        "complete."
    )
    assert "is empty (0 bytes" in refused[f"{STEM}_2024-04.csv"]


def test_rejected_lines_do_not_refuse_a_file(folder: Folder) -> None:
    write(folder.path / f"{STEM}.csv", [line(row(month=MONTHS[0])), b"x", line(row(Name="\0"))])
    (one,) = folder.decided(**AT_ONCE).files
    assert (one.status, one.months) == (Status.ACCEPTED, (MONTHS[0],))
    held = getattr(one.file, "contents").months  # noqa: B009 a file that was taken
    assert {month: (held[month].rows.rows, held[month].rejected) for month in held} == {
        MONTHS[0]: (1, 0),
        MONTHS[2]: (0, 1),
    }


def test_a_bad_file_that_may_still_be_on_its_way_waits(folder: Folder) -> None:
    path = folder.rows(".csv", MONTHS[0])
    control(path, f"sha256={'0' * 64}")
    assert statuses(folder.decided()) == {".csv": "waiting"}
    assert statuses(folder.decided(60)) == {".csv": "refused"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_opened_is_refused_until_it_can_be(folder: Folder) -> None:
    path = folder.rows(".csv", MONTHS[0])
    path.chmod(0)
    (one,) = folder.decided(**AT_ONCE).files
    assert (one.status, "Permission denied" in one.reason) == (Status.REFUSED, True)
    path.chmod(0o600)
    assert statuses(folder.decided(10, **AT_ONCE)) == {".csv": "accepted"}


def control(path: Path, text: str) -> None:
    path.with_name(path.name + ".control").write_text(text)


CONTROLS: list[tuple[str, str | None]] = [
    ("", None),
    ("rows=2\n", None),
    ('{"rows": 2, "sums": {"Age": 61}}', None),
    ("sum.Age=61.00", None),
    ("rows=3", "it has 2 rows where its control file says 3"),
    ('{"sums": {"Age": "61.5"}}', "Age adds up to 61 where its control file says 61.5"),
    ("sha256=abc", " where its control file says abc"),
    ("lines=2", "is not understood: it names lines. It may say rows, sha256 and sum.COLUMN"),
    ("sum.Wage=2", "it names sum.Wage"),
    ("rows: 2", "a line has no `=`"),
]


@pytest.mark.parametrize(("text", "fault"), CONTROLS, ids=[text for text, _ in CONTROLS])
def test_a_file_with_a_control_file_is_taken_at_once_if_it_is_what_that_says(
    folder: Folder, text: str, fault: str | None
) -> None:
    rows = [row(month=MONTHS[0]), row("CUS_2", month=MONTHS[0], Age=" 31")]
    control(write_rows(folder.path / f"{STEM}.csv", rows), text or "\n")
    if fault is None:
        assert statuses(folder.decided()) == {".csv": "accepted"}
    folder.look()
    (one,) = folder.decided(60).files
    assert one.status == ("accepted" if fault is None else "refused")
    assert fault is None or fault in one.reason


def test_a_corrected_control_file_has_the_file_judged_again(folder: Folder) -> None:
    path = folder.rows(".csv", MONTHS[0])
    control(path, "rows=22")
    assert statuses(folder.decided(**AT_ONCE)) == {".csv": "refused"}
    control(path, "rows=1")
    assert statuses(folder.decided(10, **AT_ONCE)) == {".csv": "accepted"}


def test_what_is_too_much_for_a_look_is_left_and_said(folder: Folder, read: Counter[str]) -> None:
    small, large = folder.rows("_a.csv", MONTHS[0]), folder.rows("_b.csv", *MONTHS)
    folder.look()
    limit = small.stat().st_size + large.stat().st_size - 1
    found = folder.look(60, limit=limit)
    assert [file.path for file in found.left] == [large]
    assert paths(found.decisions["attributes"]) == {MONTHS[0]: ["_a.csv"]}
    assert read == {small.name: 1}
    assert folder.look(61).left == ()


def test_a_look_that_takes_long_leaves_the_rest(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder.rows(".csv", MONTHS[0])
    folder.look()
    monkeypatch.setattr(look, "SECONDS_A_LOOK", -1)
    assert [file.path for file in folder.look(60, limit=10**9).left] == [path]
    assert folder.look(60).left == (), "a run has no limit"


def test_a_file_is_read_again_by_other_rules(folder: Folder, read: Counter[str]) -> None:
    path = folder.rows(".csv", MONTHS[0], MONTHS[1])
    path.write_bytes(path.read_bytes()[:-1])
    assert list(folder.decided(**AT_ONCE).months) == MONTHS[:1]
    folder.settings = folder.settings.model_copy(update={"accept_unterminated_line": True})
    assert list(folder.decided(10, **AT_ONCE).months) == MONTHS[:2]
    assert read[path.name] == 2


def test_a_file_that_has_left_is_known_and_not_there(folder: Folder) -> None:
    folder.rows(".csv", MONTHS[0]).unlink()
    path = folder.rows(".csv", MONTHS[0])
    folder.look(**AT_ONCE)
    path.unlink()
    found = folder.decided(10, **AT_ONCE)
    assert not found.months[MONTHS[0]].is_there
    (one,) = found.files
    assert (one.status, one.reason) == (Status.ACCEPTED, "gone: what was made of it stays")


def test_a_thin_month_is_held_once_and_for_good(folder: Folder) -> None:
    months = [add_months("2023-10-01", step) for step in range(5)]
    for month in months[:4]:
        write_rows(folder.path / f"{STEM}_{month[:7]}.csv", [row(f"C{n}", month) for n in range(9)])
    folder.rows(f"_{months[4][:7]}.csv", months[4])
    assert months[4] not in folder.decided(**AT_ONCE).months
    next_month = add_months(months[4], 1)
    write_rows(
        folder.path / f"{STEM}_{next_month[:7]}.csv", [row(f"C{n}", next_month) for n in range(9)]
    )
    found = folder.decided(10, **AT_ONCE)
    assert list(found.months) == [*months[:4], next_month]
    (held,) = folder.ledger.entries()["attributes"].actions
    assert (held.verb, held.by, held.month) == (Verb.HOLD, "credit-risk", months[4])


def test_another_process_knows_what_was_taken(folder: Folder) -> None:
    folder.rows(".csv", *MONTHS)
    decisions = folder.decided(**AT_ONCE)
    again = DeliveryLedger(folder.settings.metrics_store_url)
    assert known_decisions(folder.settings, again)["attributes"] == decisions


def test_a_ledger_in_postgresql_is_the_same(folder: Folder, postgres: PostgresServer) -> None:
    folder.rows(".csv", *MONTHS)
    write(folder.path / f"{STEM}_2024-04.csv", [b"1,2"], header=b"Name,Age")
    here = folder.decided(**AT_ONCE)
    folder.ledger = DeliveryLedger(postgres.create_database("deliveries"))
    there = folder.decided(**AT_ONCE)
    assert there == here
    assert folder.decided(10) == there


def test_moments_are_kept_with_their_zone(folder: Folder) -> None:
    folder.rows(".csv", MONTHS[0])
    (one,) = folder.decided(5, **AT_ONCE).files
    first_seen: datetime = getattr(one.file, "first_seen")  # noqa: B009 a file that was taken
    assert first_seen == NOW + timedelta(seconds=5)
    assert first_seen.utcoffset() == timedelta(0)


def test_settings_say_how_long_a_file_must_not_have_changed(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.settings = Settings(
        home=folder.settings.home, raw=tmp_path, deliveries={"settle_seconds": 300}
    )
    folder.rows(".csv", MONTHS[0])
    folder.look()
    assert paths(folder.decided(299)) == {}
    assert paths(folder.decided(300)) == {MONTHS[0]: [".csv"]}
