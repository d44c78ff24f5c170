"""What maintenance may remove: what no commit named, and old versions that nothing rests on."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from credit_risk_dagster.datamart import writer
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.disk import remove
from credit_risk_dagster.datamart.lineage import files_of, versions_behind
from credit_risk_dagster.datamart.maintenance import expired
from credit_risk_dagster.datamart.place import REFUSED
from credit_risk_dagster.datamart.record import MonthRecord
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.datamart.writer import Draft
from credit_risk_dagster.errors import PartitionError
from credit_risk_dagster_tests.datamart.balances import (
    DELIVERED,
    MONTH,
    NEXT,
    QUARANTINED,
    TABLE,
    balances_of,
    on_disk,
    orphaned,
    quarantined_of,
    rows,
    stored,
    write,
)
from credit_risk_dagster_tests.datamart.scores import (
    CHAIN,
    EVERY,
    SCORES,
    deliver,
    probabilities_of,
    refine,
    score,
)

DAYS = 10


def days_from_now(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


@pytest.fixture
def short(datamart: Datamart) -> Datamart:
    """A datamart that keeps superseded versions for ten days."""
    return replace(datamart, retention_days=DAYS)


def gone(datamart: Datamart, days: float = DAYS + 1) -> set[Path]:
    """What is past its retention so many days from now."""
    return on_disk(datamart, expired(datamart, CHAIN, [SCORES], days_from_now(days)))


def of(datamart: Datamart, table: Table, *records: MonthRecord) -> set[Path]:
    return on_disk(datamart, (file for record in records for file in files_of(table, record)))


def test_what_was_written_and_committed_is_not_left_over(datamart: Datamart) -> None:
    assert orphaned(datamart, CHAIN) == []
    deliver(datamart, "1")
    refine(datamart, 1.0, beside=["Q1"])
    refine(datamart, 2.0)
    score(datamart, 0.1)
    assert orphaned(datamart, CHAIN) == []
    assert len(list(datamart.folder.rglob("*.parquet"))) == 5


def test_files_that_no_commit_named_are_left_over_wherever_they_are(datamart: Datamart) -> None:
    write(datamart, 1.0, beside=["Q1"])
    opened = datamart.open(TABLE, [MONTH, NEXT])
    left = [opened.new_file(NEXT), opened.new_file(MONTH, "quarantined")]
    for path in left:
        pq.write_table(rows(1.0), path)
    odd = datamart.place(TABLE).path("note.txt")
    odd.write_text("left by hand")
    opened.staging.mkdir()
    assert orphaned(datamart, [TABLE]) == sorted([*left, odd, opened.staging])

    for path in orphaned(datamart, [TABLE]):
        remove(path)
    assert orphaned(datamart, [TABLE]) == []
    assert (balances_of(datamart), quarantined_of(datamart)) == ([1.0], ["Q1"])


def test_refused_rows_are_kept_for_a_person_to_look_at(datamart: Datamart) -> None:
    with pytest.raises(PartitionError):
        write(datamart, 1.0, rules=[lambda record, files: "never."])
    assert (datamart.place(TABLE).path(REFUSED) / MONTH / "rows.parquet").is_file()
    assert orphaned(datamart, [TABLE]) == []


def test_a_writer_that_lost_its_month_leaves_files_that_are_found(datamart: Datamart) -> None:
    late = datamart.open(TABLE, [MONTH])
    write(datamart, 1.0)
    with pytest.raises(PartitionError, match="was written by another run"):
        late.write(Draft(MONTH, {}), rows(2.0))
    for path in orphaned(datamart, [TABLE]):
        remove(path)
    assert balances_of(datamart) == [1.0]
    assert datamart.damaged_files(TABLE, datamart.required_record(TABLE, MONTH)) == []


def test_a_superseded_version_is_kept_for_its_retention_and_no_longer(short: Datamart) -> None:
    first = write(short, 1.0, beside=["Q1"])
    second = write(short, 2.0, beside=["Q2"])
    assert gone(short, DAYS - 1) == set()
    assert gone(short) == of(short, TABLE, first)
    assert of(short, TABLE, second).isdisjoint(gone(short))

    for path in gone(short):
        remove(path)
    assert gone(short) == set(), "what was removed is not named again"
    assert (balances_of(short), quarantined_of(short)) == ([2.0], ["Q2"])
    with pytest.raises(PartitionError, match="is damaged"):
        balances_of(short.at({(TABLE.path, MONTH): first.version}))


def test_a_month_that_was_never_superseded_is_never_removed(short: Datamart) -> None:
    write(short, 1.0)
    write(short, 2.0, month=NEXT)
    assert gone(short, 36_500) == set()


def test_seven_years_are_kept_unless_a_setting_says_otherwise(datamart: Datamart) -> None:
    first = write(datamart, 1.0)
    write(datamart, 2.0)
    assert gone(datamart, 7 * 365) == set()
    assert gone(datamart, 7 * 365 + 3) == of(datamart, TABLE, first)


def test_what_issued_scores_rest_on_is_kept_for_ever(short: Datamart) -> None:
    deliver(short, "1")
    refine(short, 1.0, beside=["Q1"])
    issued = score(short, 0.1)
    corrected = deliver(short, "2")
    unscored = refine(short, 2.0, beside=["Q2"])
    deliver(short, "3")
    refine(short, 3.0, beside=["Q3"])
    score(short, 0.3)

    removed = gone(short, 36_500)
    assert removed == of(short, DELIVERED, corrected) | of(short, TABLE, unscored)
    for path in removed:
        remove(path)
    then = short.at(versions_behind(short, EVERY, issued))
    assert probabilities_of(then) == [0.1]
    assert (balances_of(then), quarantined_of(then)) == ([1.0], ["Q1"])
    assert then.read(DELIVERED, [MONTH])["balance"].to_pylist() == ["1"]
    assert (probabilities_of(short), balances_of(short)) == ([0.3], [3.0])


def killed_after_the_table_beside(datamart: Datamart, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a month, and be killed when the refused rows are committed and the others are not."""
    commit = writer.commit_months

    def killed(seen: writer.SeenTable, *rest: Any) -> dict[str, MonthRecord]:
        if seen.table == TABLE:
            raise KeyboardInterrupt
        return commit(seen, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(writer, "commit_months", killed)
        with pytest.raises(KeyboardInterrupt):
            write(datamart, 2.0, beside=["Q2"])


def test_rows_beside_that_a_killed_run_superseded_are_kept_since_the_month_still_names_them(
    short: Datamart, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(short, 1.0, beside=["Q1"])
    killed_after_the_table_beside(short, monkeypatch)
    assert short.log(QUARANTINED).newest() == 2, "the table beside has another version"
    assert gone(short, 36_500) == set()
    for path in orphaned(short, CHAIN):
        remove(path)
    assert (balances_of(short), quarantined_of(short)) == ([1.0], ["Q1"])
    again = write(short, 1.0, beside=["Q1"])
    assert again.says_the_same_as(first)
    assert again.beside["quarantined"].version == short.log(QUARANTINED).newest(), (
        "other readers of the table beside see what the record names"
    )
    assert not gone(short, 36_500) & of(short, TABLE, again)

    write(short, 3.0, beside=["Q3"])
    assert gone(short) >= of(short, TABLE, first)
    assert gone(short, DAYS - 1) == set(), "what was known within the retention is kept whole"


def test_looking_for_what_may_be_removed_changes_nothing(short: Datamart) -> None:
    write(short, 1.0)
    write(short, 2.0)
    before = stored(short)
    gone(short)
    orphaned(short, CHAIN)
    assert stored(short) == before


def test_of_a_table_whose_log_is_gone_nothing_is_taken_for_a_leftover(datamart: Datamart) -> None:
    write(datamart, 1.0)
    shutil.rmtree(datamart.place(TABLE).path("_delta_log"))

    with pytest.raises(PartitionError, match="has files and no log"):
        orphaned(Datamart(datamart.home), [TABLE])
