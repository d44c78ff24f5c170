"""Issued scores can be read with the inputs of their time, back to the delivery."""

import pyarrow as pa
import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.lineage import (
    all_records,
    deliveries_behind,
    files_of,
    inputs_of,
    rested_on,
    versions_behind,
    with_tables_beside,
)
from credit_risk_dagster.datamart.record import Input, MonthRecord
from credit_risk_dagster_tests.datamart.balances import (
    DELIVERED,
    MONTH,
    NEXT,
    QUARANTINED,
    TABLE,
    balances_of,
    on_disk,
    quarantined_of,
)
from credit_risk_dagster_tests.datamart.scores import (
    EVERY,
    SCORES,
    deliver,
    probabilities_of,
    refine,
    score,
)


def test_tables_are_known_by_path_with_those_kept_beside_them() -> None:
    assert with_tables_beside([DELIVERED, TABLE, SCORES]) == {
        "bronze/loans": DELIVERED,
        "silver/balances": TABLE,
        "silver/balances_quarantined": QUARANTINED,
        "inference/scores": SCORES,
    }


def test_all_records_are_those_of_every_version(datamart: Datamart) -> None:
    deliver(datamart, "1")
    written = [refine(datamart, 1.0), refine(datamart, 2.0), refine(datamart, month=NEXT)]
    assert list(all_records(datamart, TABLE)) == written
    assert list(all_records(datamart, SCORES)) == []


def test_a_month_rests_on_the_versions_that_were_read_then(datamart: Datamart) -> None:
    delivered = deliver(datamart, "1")
    refined = refine(datamart, 1.0, beside=["Q1"])
    issued = score(datamart, 0.1)
    corrected = deliver(datamart, "2")
    refine(datamart, 2.0, beside=["Q2"])

    assert inputs_of(datamart, EVERY, issued) == [refined]
    assert inputs_of(datamart, EVERY, delivered) == [], "a delivery is not a table"
    versions = versions_behind(datamart, EVERY, issued)
    assert versions == {
        (SCORES.path, MONTH): issued.version,
        (TABLE.path, MONTH): refined.version,
        (DELIVERED.path, MONTH): delivered.version,
    }
    then = datamart.at(versions)
    assert (balances_of(then), quarantined_of(then)) == ([1.0], ["Q1"])
    assert then.read(DELIVERED, [MONTH])["balance"].to_pylist() == ["1"]
    assert datamart.read(DELIVERED, [MONTH])["balance"].to_pylist() == ["2"]
    assert corrected.version > delivered.version


def test_deliveries_behind_a_month_are_those_of_then_by_whatever_tables_they_came(
    datamart: Datamart,
) -> None:
    def behind(record: MonthRecord) -> frozenset[tuple[str, str]]:
        return deliveries_behind(datamart, EVERY, record.inputs, record.input_versions)

    delivered = deliver(datamart, "1")
    refine(datamart, 1.0)
    issued = score(datamart, 0.1)
    directly = score(datamart, 0.1, month=NEXT, inputs={delivered.partition: delivered.as_input()})
    assert issued.origin != directly.origin
    first = {(f"delivery/balances/{MONTH}", delivered.content_hash)}
    assert behind(issued) == behind(directly) == first

    corrected = deliver(datamart, "2")
    refine(datamart, 2.0)
    assert corrected.content_hash != delivered.content_hash
    assert behind(issued) == first
    assert behind(score(datamart, 0.2)) == {(f"delivery/balances/{MONTH}", corrected.content_hash)}


def test_an_input_without_a_version_stands_for_the_deliveries_behind_it(
    datamart: Datamart,
) -> None:
    hashes = {f"silver/balances/{MONTH}": "abc"}
    assert deliveries_behind(datamart, EVERY, hashes, {}) == set(hashes.items())


def test_a_month_that_was_read_twice_has_the_version_nearest_to_the_record(
    datamart: Datamart,
) -> None:
    """As the scores of a month read features that the model of last year was trained on."""
    deliver(datamart, "1")
    old = refine(datamart, 1.0)
    learned = score(datamart, 0.1)
    new = refine(datamart, 2.0)
    inputs = datamart.inputs(TABLE, [MONTH]) | {learned.partition: learned.as_input()}
    issued = score(datamart, 0.2, month=NEXT, inputs=inputs)

    versions = versions_behind(datamart, EVERY, issued)
    assert versions[TABLE.path, MONTH] == new.version != old.version
    assert balances_of(datamart.at(versions)) == [2.0]


def test_evidence_rests_on_the_files_of_all_its_versions_and_of_theirs(datamart: Datamart) -> None:
    delivered = deliver(datamart, "1")
    refined = refine(datamart, 1.0, beside=["Q1"])
    first = score(datamart, 0.1)
    unread = refine(datamart, 2.0)
    last = refine(datamart, 3.0)
    second = score(datamart, 0.3)

    kept = rested_on(datamart, EVERY, [SCORES])
    needed = [(DELIVERED, delivered), (TABLE, refined), (SCORES, first)]
    needed += [(TABLE, last), (SCORES, second)]
    assert kept == {file for table, record in needed for file in files_of(table, record)}
    assert kept.isdisjoint((TABLE.path, file.path) for file in unread.files)
    assert len(kept) == 6, "the refused rows of the first refinement are among them"


def test_nothing_rests_on_what_was_never_scored(datamart: Datamart) -> None:
    deliver(datamart, "1")
    refine(datamart, 1.0)
    assert rested_on(datamart, EVERY, [SCORES]) == set()


def test_files_of_a_month_are_its_own_and_those_beside_it(datamart: Datamart) -> None:
    deliver(datamart, "1")
    record = refine(datamart, 1.0, beside=["Q1"])
    files = sorted(on_disk(datamart, files_of(TABLE, record)))
    assert [path.is_file() for path in files] == [True, True]
    assert [pa.parquet.read_metadata(path).num_rows for path in files] == [1, 1]
    assert {path.parents[1].name for path in files} == {"balances", "balances_quarantined"}


def test_an_input_that_is_no_longer_in_the_log_is_told(datamart: Datamart) -> None:
    deliver(datamart, "1")
    refined = refine(datamart, 1.0)
    issued = score(datamart, 0.1, inputs={refined.partition: Input("abc", version=7)})
    with pytest.raises(Exception, match="version 7 cannot be read"):
        versions_behind(datamart, EVERY, issued)
    assert probabilities_of(datamart) == [0.1]
