"""What of a delivery could not be read or used is counted, named and never lost."""

import pyarrow as pa
import pytest

from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.delivery.reader import REJECTED_SCHEMA
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE, REJECTED
from credit_risk_dagster.tables.judgement import DUPLICATES, QUARANTINED
from credit_risk_dagster.tables.silver import SILVER
from credit_risk_dagster_tests.checks.tampering import find, first_rows, rewrite
from credit_risk_dagster_tests.scored import TRAINED

pytestmark = pytest.mark.parametrize("name", BRONZE)


def unreadable(count: int) -> pa.Table:
    lines = [
        {"source_file": "x.csv", "line_number": 2 + n, "reason": "blank line", "text": "Ann"}
        for n in range(count)
    ]
    return pa.Table.from_pylist(lines, schema=REJECTED_SCHEMA)


def set_aside(settings: Settings, name: str, beside: str, count: int, **values: str) -> None:
    """Move no row, but say that the first ones were also delivered and set aside."""
    silver, bronze = SILVER[name], BRONZE[name]
    rows = Datamart(settings.home).read(silver, [TRAINED])
    rewrite(
        settings,
        silver,
        TRAINED,
        beside={beside: first_rows(rows, silver, beside, count, **values)},
    )
    delivered = Datamart(settings.home).required_record(bronze, TRAINED).facts["delivered"]
    rewrite(settings, bronze, TRAINED, facts={"delivered": delivered + count})


def delivered_rows(settings: Settings, name: str) -> int:
    return int(Datamart(settings.home).required_record(BRONZE[name], TRAINED).facts["delivered"])


def test_a_delivery_of_good_lines_passes(one_month: Settings, name: str) -> None:
    count = delivered_rows(one_month, name)
    assert find(one_month, BRONZE[name], "whole_lines", TRAINED).sentence == (
        f"All {count} lines could be read."
    )
    assert find(one_month, SILVER[name], "adds_up", TRAINED).sentence == (
        f"{count} accepted + 0 quarantined + 0 duplicates + 0 unreadable of {count} delivered."
    )
    for check in ("adds_up", "quarantine_share", "no_duplicates"):
        assert find(one_month, SILVER[name], check, TRAINED).holds


def test_unreadable_lines_are_named_by_file_and_line_without_their_text(
    one_month: Settings, name: str
) -> None:
    rewrite(one_month, BRONZE[name], TRAINED, beside={REJECTED: unreadable(4)})
    found = find(one_month, BRONZE[name], "whole_lines", TRAINED)
    assert not found.holds
    assert found.sentence == (
        "4 lines could not be read: line 2 of x.csv: blank line; line 3 of x.csv: blank line; "
        "line 4 of x.csv: blank line; …. Ask for a corrected delivery."
    )


def test_lines_of_no_readable_month_are_counted_too(one_month: Settings, name: str) -> None:
    line = {"source_file": "x.csv", "line_number": 9, "reason": "blank line"}
    undated = {"undated": 1, "undated_lines": [line]}
    # A partition that differs in provenance alone is left as it is, so something else differs too.
    rewrite(one_month, BRONZE[name], TRAINED, facts={"delivered": 0}, provenance=undated)
    found = find(one_month, BRONZE[name], "whole_lines", TRAINED)
    assert not found.holds
    assert found.sentence.startswith("1 line could not be read: line 9 of x.csv: blank line. Ask")


def test_rows_that_got_lost_between_bronze_and_silver_are_missed(
    one_month: Settings, name: str
) -> None:
    count = delivered_rows(one_month, name)
    rewrite(one_month, SILVER[name], TRAINED, lambda rows: rows.slice(1))
    found = find(one_month, SILVER[name], "adds_up", TRAINED)
    assert not found.holds
    assert found.sentence == (
        f"{count - 1} accepted + 0 quarantined + 0 duplicates + 0 unreadable of {count} delivered."
    )


def test_quarantined_rows_are_reported_above_a_share_with_their_reasons_and_no_values(
    one_month: Settings, name: str
) -> None:
    reason = "Age is not a number"
    set_aside(one_month, name, QUARANTINED, 40, reasons=reason)
    share = 40 / delivered_rows(one_month, name)
    found = find(one_month, SILVER[name], "quarantine_share", TRAINED)
    assert not found.holds
    assert found.sentence == (
        f"{share:.2%} quarantined or unreadable, limit 1.00%. Age is not a number (40)"
    )
    monitoring = one_month.monitoring.model_copy(update={"quarantine_warning_share": share})
    patient = one_month.model_copy(update={"monitoring": monitoring})
    assert find(patient, SILVER[name], "quarantine_share", TRAINED).holds
    assert find(one_month, SILVER[name], "adds_up", TRAINED).holds


def test_unreadable_lines_count_as_quarantined(one_month: Settings, name: str) -> None:
    count = delivered_rows(one_month, name)
    rejected = {REJECTED: unreadable(count)}
    rewrite(one_month, BRONZE[name], TRAINED, beside=rejected, facts={"delivered": 2 * count})
    found = find(one_month, SILVER[name], "quarantine_share", TRAINED)
    assert not found.holds
    assert found.sentence == "50.00% quarantined or unreadable, limit 1.00%."


def test_dropped_duplicates_are_counted(one_month: Settings, name: str) -> None:
    set_aside(one_month, name, DUPLICATES, 3)
    found = find(one_month, SILVER[name], "no_duplicates", TRAINED)
    assert not found.holds
    assert found.sentence == "3 rows repeat another to the letter and were dropped."
    assert find(one_month, SILVER[name], "adds_up", TRAINED).holds
