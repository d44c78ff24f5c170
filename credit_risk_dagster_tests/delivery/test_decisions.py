"""Which delivery is a month's follows from the files and from what people decided, in any order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.contract.reference import ATTRIBUTES
from credit_risk_dagster.delivery.decisions import WAIVED, Decisions, FileDecision, decide
from credit_risk_dagster.delivery.entries import (
    Action,
    Contents,
    Entries,
    MonthContent,
    SeenFile,
    TakenFile,
    Verb,
)
from credit_risk_dagster.delivery.fingerprint import RowSum, fingerprint
from credit_risk_dagster.delivery.ruling import Status
from credit_risk_dagster.months import add_months

JANUARY, FEBRUARY, MARCH = "2024-01-01", "2024-02-01", "2024-03-01"
BEGIN = datetime(2024, 4, 1, tzinfo=UTC)


def at(hours: int) -> datetime:
    return BEGIN + timedelta(hours=hours)


def file(
    path: str,
    months: Mapping[str, int],
    hour: int = 0,
    fault: str | None = None,
    is_there: bool = True,
) -> TakenFile:
    """A file that was changed, seen and taken in an hour; its content is that of its path."""
    held = {
        month: MonthContent(RowSum(rows, hash(path) % 2**64, 7)) for month, rows in months.items()
    }
    contents = Contents(f"{path} {hour}", held, fault=fault)
    return TakenFile("attributes", path, 1, at(hour), at(hour), at(hour), is_there, contents)


def action(verb: Verb, hour: int, path: str | None = None, month: str | None = None) -> Action:
    return Action(at(hour), "ann", verb, "attributes", "because", path, month)


def decided(
    files: Sequence[TakenFile], *actions: Action, seen: Sequence[SeenFile] = ()
) -> Decisions:
    return decide(ATTRIBUTES, Entries(tuple(files), tuple(seen), actions), 0.5)


def sources_of(decisions: Decisions) -> dict[str, list[str]]:
    return {month: [one.path for one in chosen.files] for month, chosen in decisions.months.items()}


def of(decisions: Decisions, path: str) -> FileDecision:
    (found,) = [one for one in decisions.files if one.file.path == path]
    return found


def test_the_newest_file_that_holds_a_month_supersedes_the_older_ones_of_that_month() -> None:
    whole = file("all.csv", {JANUARY: 10, FEBRUARY: 10}, hour=1)
    correction = file("february.csv", {FEBRUARY: 10}, hour=2)
    found = decided([whole, correction])
    assert sources_of(found) == {JANUARY: ["all.csv"], FEBRUARY: ["february.csv"]}
    assert (of(found, "all.csv").status, of(found, "all.csv").months) == ("accepted", (JANUARY,))
    again = decided([whole, correction, file("all_2.csv", {JANUARY: 10, FEBRUARY: 10}, hour=3)])
    assert sources_of(again) == {JANUARY: ["all_2.csv"], FEBRUARY: ["all_2.csv"]}
    assert of(again, "february.csv") == FileDecision(correction, Status.SUPERSEDED, "by all_2.csv")


def test_of_two_files_changed_at_once_the_one_seen_later_counts_and_then_the_later_name() -> None:
    one, other = file("b.csv", {JANUARY: 1}), file("a.csv", {JANUARY: 1})
    assert sources_of(decided([one, other])) == {JANUARY: ["b.csv"]}
    later = replace(other, first_seen=at(1))
    assert sources_of(decided([one, later])) == {JANUARY: ["a.csv"]}


def test_a_refused_file_is_set_aside_and_the_others_count() -> None:
    bad = file("new.csv", {}, hour=2, fault="no header")
    found = decided([file("old.csv", {JANUARY: 1}), bad])
    assert sources_of(found) == {JANUARY: ["old.csv"]}
    assert of(found, "new.csv") == FileDecision(bad, Status.REFUSED, "no header")


def test_a_file_that_was_overwritten_counts_by_what_it_holds_now() -> None:
    before = file("all.csv", {JANUARY: 1, FEBRUARY: 1}, hour=1, is_there=False)
    now = file("all.csv", {JANUARY: 1}, hour=0)
    found = decided([before, now])
    assert sources_of(found) == {JANUARY: ["all.csv"]}
    assert found.months[JANUARY].is_there


def test_what_a_file_held_before_it_was_overwritten_with_rubbish_still_stands() -> None:
    older = file("older.csv", {JANUARY: 1})
    before = file("all.csv", {JANUARY: 1}, hour=1, is_there=False)
    rubbish = file("all.csv", {}, hour=2, fault="rubbish")
    found = decided([older, before, rubbish])
    assert sources_of(found) == {JANUARY: ["all.csv"]}
    assert not found.months[JANUARY].is_there


def test_a_file_that_has_left_the_folder_is_not_replaced_by_an_older_one() -> None:
    found = decided(
        [file("old.csv", {JANUARY: 1}), file("new.csv", {JANUARY: 1}, 1, is_there=False)]
    )
    assert sources_of(found) == {JANUARY: ["new.csv"]}
    assert not found.months[JANUARY].is_there


def test_parts_are_one_delivery_once_all_of_them_are_there() -> None:
    parts = [file(f"x_part{number}of3.csv", {JANUARY: 4}, hour=2) for number in (1, 3)]
    before = file("old.csv", {JANUARY: 12})
    found = decided([before, *parts])
    assert sources_of(found) == {JANUARY: ["old.csv"]}
    waiting = of(found, "x_part1of3.csv")
    assert (waiting.status, waiting.for_person) == (Status.WAITING, True)
    assert waiting.reason == "part 2 of 3 is missing"
    last = file("x_part2of3.csv", {JANUARY: 4}, hour=1)
    whole = decided([before, *parts, last])
    assert sources_of(whole) == {JANUARY: [f"x_part{number}of3.csv" for number in (1, 2, 3)]}
    rows = RowSum()
    for one in (*parts, last):
        rows += one.contents.months[JANUARY].rows
    assert rows.rows == 12
    assert whole.months[JANUARY].fingerprint == fingerprint(ATTRIBUTES, rows)


def test_parts_without_a_number_of_parts_wait_for_those_that_are_not_taken_yet() -> None:
    first = file("x.part-001.csv", {JANUARY: 4})
    coming = SeenFile("attributes", "x.part-002.csv", 1, at(1), at(1))
    found = decided([first], seen=[coming])
    assert sources_of(found) == {}
    assert "x.part-002.csv" in found.open[JANUARY].said
    assert sources_of(decided([first])) == {JANUARY: ["x.part-001.csv"]}


def test_a_delivery_of_which_a_part_is_refused_waits() -> None:
    parts = [file("x_part1.csv", {JANUARY: 4}), file("x_part2.csv", {}, fault="no header")]
    found = decided(parts)
    assert sources_of(found) == {}
    assert of(found, "x_part1.csv").reason == "x_part2.csv belongs to it and does not count yet"


def test_a_withdrawn_file_gives_way_to_the_one_before_it_or_its_month_waits() -> None:
    old, new = file("old.csv", {JANUARY: 1}), file("new.csv", {JANUARY: 1, FEBRUARY: 1}, hour=1)
    found = decided([old, new], action(Verb.WITHDRAW, 2, "new.csv"))
    assert sources_of(found) == {JANUARY: ["old.csv"]}
    assert found.open[FEBRUARY].status is Status.WITHDRAWN
    assert found.open[FEBRUARY].said == ("new.csv is withdrawn: by ann on 2024-04-01: because")
    back = decided(
        [old, new], action(Verb.WITHDRAW, 2, "new.csv"), action(Verb.ACCEPT, 3, "new.csv")
    )
    assert sources_of(back) == {JANUARY: ["new.csv"], FEBRUARY: ["new.csv"]}


def test_a_content_that_comes_after_the_withdrawal_counts() -> None:
    wrong = file("all.csv", {JANUARY: 1}, hour=1, is_there=False)
    right = file("all.csv", {JANUARY: 1}, hour=3)
    found = decided([wrong, right], action(Verb.WITHDRAW, 2, "all.csv"))
    assert sources_of(found) == {JANUARY: ["all.csv"]}


def test_a_withdrawn_month_waits_for_what_comes_after_and_other_months_stay() -> None:
    files = [file("all.csv", {JANUARY: 1, FEBRUARY: 1}), file("jan.csv", {JANUARY: 1}, hour=1)]
    withdrawal = action(Verb.WITHDRAW, 2, month=JANUARY)
    found = decided(files, withdrawal)
    assert sources_of(found) == {FEBRUARY: ["all.csv"]}
    assert found.open[JANUARY].status is Status.WITHDRAWN
    new = decided([*files, file("again.csv", {JANUARY: 1}, hour=3)], withdrawal)
    assert sources_of(new) == {JANUARY: ["again.csv"], FEBRUARY: ["all.csv"]}


def test_a_waived_month_is_run_without_until_it_is_delivered() -> None:
    waiver = action(Verb.WAIVE, 1, month=JANUARY)
    found = decided([], waiver)
    assert found.months[JANUARY].fingerprint == WAIVED
    assert found.months[JANUARY].files == ()
    assert found.months[JANUARY].waived == "waived by ann on 2024-04-01: because"
    assert sources_of(decided([file("late.csv", {JANUARY: 1}, hour=2)], waiver)) == {
        JANUARY: ["late.csv"]
    }


HISTORY = [
    file(f"{month[:7]}.csv", {month: rows})
    for month, rows in zip(
        [add_months(JANUARY, -step) for step in range(4, 0, -1)], [100, 20, 100, 90], strict=True
    )
]


def test_a_newest_month_of_few_rows_waits_for_a_person() -> None:
    thin = file("2024-01.csv", {JANUARY: 47}, hour=1)
    found = decided([*HISTORY, thin])
    assert JANUARY not in found.months
    waiting = of(found, "2024-01.csv")
    assert (waiting.status, waiting.for_person) == (Status.WAITING, True)
    assert waiting.reason.startswith(
        "2024-01 has 47 rows where the 4 months before it had 95 (median); less than 50% of that "
        "waits for a person."
    )
    assert [(hold.candidate.files[0], hold.month) for hold in found.holds] == [(thin, JANUARY)]
    accepted = decided([*HISTORY, thin], action(Verb.ACCEPT, 2, "2024-01.csv"))
    assert sources_of(accepted)[JANUARY] == ["2024-01.csv"]


def test_enough_rows_or_too_few_months_to_compare_with_do_not_wait() -> None:
    assert JANUARY in decided([*HISTORY, file("2024-01.csv", {JANUARY: 48}, 1)]).months
    assert JANUARY in decided([*HISTORY[2:], file("2024-01.csv", {JANUARY: 1}, 1)]).months


def test_an_older_month_of_few_rows_is_history() -> None:
    assert all(one.status is Status.ACCEPTED for one in decided(HISTORY).files)


def test_a_thin_correction_leaves_the_delivery_before_it() -> None:
    files = [*HISTORY, file("a.csv", {JANUARY: 100}, 1), file("b.csv", {JANUARY: 10}, 2)]
    assert sources_of(decided(files))[JANUARY] == ["a.csv"]


def test_what_is_held_waits_on_when_the_next_month_comes() -> None:
    thin = file("2024-01.csv", {JANUARY: 10}, hour=1)
    hold = action(Verb.HOLD, 1, "2024-01.csv", JANUARY)
    found = decided([*HISTORY, thin, file("2024-02.csv", {FEBRUARY: 100}, 2)], hold)
    assert JANUARY not in found.months
    assert sources_of(found)[FEBRUARY] == ["2024-02.csv"]


MONTHS = st.dictionaries(st.sampled_from([JANUARY, FEBRUARY, MARCH]), st.integers(0, 5), max_size=3)
NAMES = st.sampled_from(
    ["a.csv", "b.csv", "c_part1of2.csv", "c_part2of2.csv", "d.csv", "e_part1.csv"]
)
FILES = st.lists(
    st.builds(file, NAMES, MONTHS, st.integers(0, 9), st.sampled_from([None, None, "bad"])),
    max_size=6,
    unique_by=lambda one: one.path,
)
ACTIONS = st.lists(
    st.one_of(
        st.builds(
            action, st.sampled_from([Verb.ACCEPT, Verb.WITHDRAW]), st.integers(10, 20), NAMES
        ),
        st.builds(
            action,
            st.sampled_from([Verb.WITHDRAW, Verb.WAIVE]),
            st.integers(10, 20),
            st.none(),
            st.sampled_from([JANUARY, FEBRUARY]),
        ),
    ),
    max_size=3,
    unique_by=lambda one: one.at,
)


@given(FILES, ACTIONS, st.data())
def test_in_whatever_order_files_arrive_the_same_ones_count(
    files: list[TakenFile], actions: list[Action], data: st.DataObject
) -> None:
    """What arrives later is taken later; when it was changed does not depend on that."""
    hours = data.draw(st.permutations(range(len(files))))
    modified = {one.path: at(place) for place, one in enumerate(files)}

    def arrived(order: Sequence[int]) -> Decisions:
        taken = [
            replace(one, modified=modified[one.path], first_seen=at(hour), taken_at=at(hour))
            for one, hour in zip(files, order, strict=True)
        ]
        return decided(data.draw(st.permutations(taken)), *data.draw(st.permutations(actions)))

    one, other = arrived(range(len(files))), arrived(hours)
    assert sources_of(one) == sources_of(other)
    assert {month: chosen.fingerprint for month, chosen in one.months.items()} == {
        month: chosen.fingerprint for month, chosen in other.months.items()
    }
    assert {found.file.path: found.status for found in one.files} == {
        found.file.path: found.status for found in other.files
    }


@given(FILES, ACTIONS)
def test_a_month_has_one_delivery_and_every_file_one_decision(
    files: list[TakenFile], actions: list[Action]
) -> None:
    found = decided(files, *actions)
    assert sorted(one.file.path for one in found.files) == sorted(one.path for one in files)
    assert not set(found.months) & set(found.open)
    for month, chosen in found.months.items():
        assert chosen.files or chosen.waived
        for one in chosen.files:
            assert month in of(found, one.path).months or not one.contents.months[month].rows.rows
