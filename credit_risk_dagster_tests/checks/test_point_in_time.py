"""Nothing computed for a month knows the future, and no source goes dark in silence."""

from datetime import date
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from credit_risk_dagster.contract.reference import CLICKSTREAM
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.record import Input
from credit_risk_dagster.months import month_range
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.gold import COHORT, FEATURES_TABLE, LABELS
from credit_risk_dagster.tables.inference import PREDICTIONS
from credit_risk_dagster_tests.checks.tampering import Change, find, rewrite, with_values
from credit_risk_dagster_tests.deliveries import change_rows
from credit_risk_dagster_tests.installation import inputs_by_name
from credit_risk_dagster_tests.reference_tables import (
    BRONZE_CLICKSTREAM,
    CLICKSTREAM_MONTHS,
    CLICKSTREAM_SO_FAR,
    SILVER_CLICKSTREAM,
)
from credit_risk_dagster_tests.scored import CARRIED_OVER, FIRST, TRAINED, copy_of
from credit_risk_dagster_tests.table_runs import evaluations, failed, run_tables

LATER, APPLIED = date(2024, 2, 1), date(2023, 7, 1)


def test_features_of_an_input_dated_later_are_found_out(one_month: Settings) -> None:
    count = Datamart(one_month.home).required_record(FEATURES_TABLE, TRAINED).rows
    dates = [LATER, LATER, *[date(2024, 1, 1)] * (count - 2)]
    rewrite(one_month, FEATURES_TABLE, TRAINED, with_values(latest_input_date=dates))
    found = find(one_month, FEATURES_TABLE, "nothing_from_the_future", TRAINED)
    assert not found.holds
    assert found.sentence == (
        f"2 of {count} applicants have an input dated after 2024-01; 0 of 4 partitions read are "
        "of a later month."
    )


def test_features_made_of_a_later_partition_are_found_out(one_month: Settings) -> None:
    assert find(one_month, FEATURES_TABLE, "nothing_from_the_future", TRAINED).holds
    datamart = Datamart(one_month.home)
    inputs = inputs_by_name(datamart, datamart.required_record(FEATURES_TABLE, TRAINED).inputs)
    later = {**inputs, "silver/clickstream/2024-02-01": Input("0" * 64)}
    rewrite(one_month, FEATURES_TABLE, TRAINED, inputs=later)
    found = find(one_month, FEATURES_TABLE, "nothing_from_the_future", TRAINED)
    assert not found.holds
    assert found.sentence.endswith("1 of 5 partitions read are of a later month.")


def test_a_state_with_a_reading_of_a_later_month_is_found_out(one_month: Settings) -> None:
    assert find(one_month, CLICKSTREAM_SO_FAR, "nothing_from_the_future", TRAINED).holds
    datamart = Datamart(one_month.home)
    state = datamart.required_record(CLICKSTREAM_SO_FAR, TRAINED)
    later = {"silver/clickstream/2024-02-01": Input("0" * 64)}
    inputs = inputs_by_name(datamart, state.inputs) | later
    dates = [LATER, *[date(2024, 1, 1)] * (state.rows - 1)]
    change = with_values(latest_reading_date=dates)
    rewrite(one_month, CLICKSTREAM_SO_FAR, TRAINED, change, inputs=inputs)
    found = find(one_month, CLICKSTREAM_SO_FAR, "nothing_from_the_future", TRAINED)
    assert not found.holds
    assert found.sentence == (
        f"1 of {state.rows} customers have a reading dated after 2024-01; 1 of 3 partitions read "
        "are of a later month."
    )


@pytest.mark.parametrize(
    ("source", "dark"),
    [
        ("clickstream", {CLICKSTREAM_MONTHS: 0}),
        ("attributes", {"has_attributes": False}),
        ("financials", {"has_financials": False}),
    ],
)
def test_a_source_that_knows_none_of_the_applicants_has_gone_dark(
    one_month: Settings, source: str, dark: dict[str, int | bool]
) -> None:
    assert find(one_month, FEATURES_TABLE, "no_dark_source", TRAINED).holds
    rewrite(one_month, FEATURES_TABLE, TRAINED, with_values(**dark))
    found = find(one_month, FEATURES_TABLE, "no_dark_source", TRAINED)
    assert not found.holds
    assert found.sentence.startswith(
        f"{source} went dark for new applicants. Applicants without a source: "
    )
    assert f"{source} 100.0%" in found.sentence
    assert found.sentence.endswith("ask the source's owner when it comes back.")
    assert found.figures[source] == 1.0


def test_a_month_without_applicants_has_no_dark_source(one_month: Settings) -> None:
    rewrite(one_month, FEATURES_TABLE, TRAINED, lambda rows: rows.slice(0, 0))
    assert find(one_month, FEATURES_TABLE, "no_dark_source", TRAINED).holds


@pytest.mark.slow
def test_a_clickstream_that_goes_dark_fails_the_check_and_the_applicants_are_still_scored(
    scored: Settings, tmp_path: Path
) -> None:
    settings = copy_of(scored, tmp_path)
    datamart = Datamart(settings.home)
    applicants = set(
        datamart.read(FEATURES_TABLE, [CARRIED_OVER]).column("customer_id").to_pylist()
    )
    for month in month_range(FIRST, CARRIED_OVER):
        change_rows(
            settings,
            CLICKSTREAM,
            lambda rows: [row for row in rows if row["Customer_ID"] not in applicants],
            month,
        )

    with dg.DagsterInstance.ephemeral() as instance:
        refined = (BRONZE_CLICKSTREAM, SILVER_CLICKSTREAM, CLICKSTREAM_SO_FAR)
        assert run_tables(settings, instance, FIRST, CARRIED_OVER, *refined).success
        scoring = (FEATURES_TABLE, PREDICTIONS)
        result = run_tables(settings, instance, CARRIED_OVER, CARRIED_OVER, *scoring)

    assert result.success
    assert list(failed(result)) == ["gold/features no_dark_source"]
    assert failed(result)["gold/features no_dark_source"] == (
        "2024-02: clickstream went dark for new applicants. Applicants without a source: "
        "clickstream 100.0%, attributes 0.0%, financials 0.0%. They are scored without it; ask "
        "the source's owner when it comes back."
    )
    evaluation = evaluations(result)["gold/features no_dark_source"]
    assert (evaluation.severity, evaluation.blocking) == (dg.AssetCheckSeverity.ERROR, False)
    scores = datamart.read(PREDICTIONS, [CARRIED_OVER]).to_pandas()
    newest = scores[scores["revision"] == scores["revision"].max()]
    assert set(newest["customer_id"]) == applicants


def test_a_cohort_of_another_application_month_is_found_out(one_month: Settings) -> None:
    good = find(one_month, COHORT, "nothing_from_the_future", TRAINED)
    count = good.figures["loans"]
    assert good.holds
    rewrite(one_month, COHORT, TRAINED, with_values(application_date=date(2023, 8, 1)))
    found = find(one_month, COHORT, "nothing_from_the_future", TRAINED)
    assert not found.holds
    assert found.sentence == (
        f"Of {count} loans {count} were not originated in 2023-07, 0 have a feature dated after it."
    )


def test_a_cohort_with_features_known_after_application_is_found_out(one_month: Settings) -> None:
    count = Datamart(one_month.home).required_record(COHORT, TRAINED).rows
    dates = [date(2023, 8, 1), *[APPLIED] * (count - 1)]
    rewrite(one_month, COHORT, TRAINED, with_values(latest_input_date=dates))
    found = find(one_month, COHORT, "nothing_from_the_future", TRAINED)
    assert not found.holds
    assert found.sentence == (
        f"Of {count} loans 0 were not originated in 2023-07, 1 have a feature dated after it."
    )


def test_a_label_without_features_is_counted(one_month: Settings) -> None:
    assert find(one_month, COHORT, "every_label_has_features", TRAINED).holds
    rewrite(one_month, COHORT, TRAINED, lambda rows: rows.slice(2))
    found = find(one_month, COHORT, "every_label_has_features", TRAINED)
    count = Datamart(one_month.home).required_record(LABELS, TRAINED).rows
    assert not found.holds
    assert found.sentence == f"2 of {count} labels have no features."


def test_labels_of_loans_from_before_the_first_month_need_no_features(one_month: Settings) -> None:
    rewrite(one_month, COHORT, TRAINED, lambda rows: rows.slice(2))
    begun_later = one_month.model_copy(update={"first_month": "2023-08-01"})
    assert find(begun_later, COHORT, "every_label_has_features", TRAINED).holds


@pytest.mark.parametrize(("lost", "holds"), [(0, True), (1, True), (2, False)])
def test_loans_that_left_the_book_before_their_label_are_counted_and_few_are_tolerated(
    one_month: Settings, lost: int, holds: bool
) -> None:
    count = Datamart(one_month.home).required_record(COHORT, TRAINED).rows
    facts = {"originated": 100, "labels": 100 - lost}
    assert count < 100 - lost
    rewrite(one_month, COHORT, TRAINED, padded(100 - lost), facts=facts)
    found = find(one_month, COHORT, "every_loan_has_a_label", TRAINED)
    assert found.holds == holds
    assert found.sentence == (
        f"{lost} of 100 loans have no label: they are not in the book at month on book 6, and in "
        "no training and no figure of performance."
    )


def padded(count: int) -> Change:
    """Return the change that repeats the last row, under other loans, up to a number of rows."""

    def change(rows: pa.Table) -> pa.Table:
        more = rows.take([rows.num_rows - 1] * (count - rows.num_rows))
        more = with_values(loan_id=[f"extra {number:03d}" for number in range(len(more))])(more)
        return pa.concat_tables([rows, more])

    return change


def test_a_cohort_records_how_many_loans_were_originated(scored: Settings) -> None:
    datamart = Datamart(scored.home)
    facts = datamart.required_record(COHORT, TRAINED).facts
    assert facts["originated"] == datamart.required_record(FEATURES_TABLE, "2023-07-01").rows > 0
    assert datamart.required_record(COHORT, FIRST).facts["originated"] == 0
    assert find(scored, COHORT, "every_loan_has_a_label", TRAINED).holds
    assert find(scored, COHORT, "every_loan_has_a_label", FIRST).holds


@pytest.mark.parametrize(("default", "rate"), [(0, "0.0%"), (1, "100.0%")])
def test_an_implausible_default_rate_is_reported(
    one_month: Settings, default: int, rate: str
) -> None:
    assert find(one_month, LABELS, "label_rate", TRAINED).holds
    rewrite(one_month, LABELS, TRAINED, with_values(default=default))
    count = Datamart(one_month.home).required_record(LABELS, TRAINED).rows
    found = find(one_month, LABELS, "label_rate", TRAINED)
    assert not found.holds
    assert found.sentence == f"{rate} of {count} loans defaulted; plausible is 2% to 60%."


def test_a_month_in_which_no_loan_matured_has_no_implausible_rate(one_month: Settings) -> None:
    rewrite(one_month, LABELS, TRAINED, lambda rows: rows.slice(0, 0))
    found = find(one_month, LABELS, "label_rate", TRAINED)
    assert (found.holds, found.sentence) == (True, "No loan matured in the month.")
