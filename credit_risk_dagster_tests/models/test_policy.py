from hypothesis import given
from hypothesis import strategies as st

from credit_risk_dagster.models.policy import TrainingVerdict, decide_training
from credit_risk_dagster.months import add_months, month_range
from credit_risk_dagster.settings import TrainingPolicy

POLICY = TrainingPolicy()
EARLY = TrainingPolicy(retrain_early=True)
COHORTS = dict.fromkeys(month_range("2023-07-01", "2026-12-01"), 450)
MONTHS = st.sampled_from(month_range("2022-01-01", "2027-12-01"))


def replay(
    months: list[str], cohorts: dict[str, int], policy: TrainingPolicy = POLICY
) -> list[TrainingVerdict]:
    """Decide month after month, recording a training wherever one was due."""
    verdicts: list[TrainingVerdict] = []
    for month in months:
        trainings = [verdict.month for verdict in verdicts if verdict.is_due]
        verdicts.append(decide_training(month, cohorts, trainings, policy))
    return verdicts


def test_thirty_six_months_train_at_fourteen_cohorts_and_every_third_month_after() -> None:
    months = month_range("2023-07-01", "2026-06-01")
    verdicts = replay(months, COHORTS)
    due = [verdict.month for verdict in verdicts if verdict.is_due]
    assert due == [add_months("2024-09-01", 3 * step) for step in range(8)]
    actions = [verdict.action for verdict in verdicts]
    assert actions[:14] == ["too_little_history"] * 14
    assert actions[14:18] == ["initial_training", "not_due", "not_due", "retraining"]
    for verdict in verdicts:
        assert len(verdict.cohorts) == (14 if verdict.is_due else 0)


def test_the_first_training_reads_the_fourteen_cohorts_before_its_month() -> None:
    verdict = decide_training("2024-09-01", COHORTS, [], POLICY)
    assert verdict.cohorts == tuple(month_range("2023-07-01", "2024-08-01"))
    assert verdict.last_training is None
    assert verdict.reason == (
        "The first training is due, since none was recorded before; all 14 cohorts "
        "2023-07 to 2024-08 have loans, 6300 together."
    )


def test_one_cohort_short_is_too_little_history_and_says_which() -> None:
    verdict = decide_training("2024-08-01", COHORTS, [], POLICY)
    assert verdict.action == "too_little_history"
    assert verdict.reason == (
        "The first training is due, since none was recorded before, but it needs 14 consecutive "
        "cohorts with loans, 2023-06 to 2024-07, and 1 of them is missing or empty: 2023-06."
    )


def test_an_empty_cohort_holds_retraining_up_until_it_leaves_the_window() -> None:
    cohorts = COHORTS | {"2024-10-01": 0, "2024-11-01": 0, "2025-02-01": 0}
    verdicts = {
        verdict.month: verdict
        for verdict in replay(month_range("2024-09-01", "2026-05-01"), cohorts)
    }
    held_up = verdicts["2025-03-01"]
    assert held_up.action == "too_little_history"
    assert held_up.last_training == "2024-09-01"
    assert "3 of them are missing or empty: 2024-10 to 2024-11, 2025-02." in held_up.reason
    assert verdicts["2026-04-01"].action == "too_little_history"
    assert verdicts["2026-05-01"].action == "retraining"


def test_retraining_waits_three_months_from_the_last_training() -> None:
    trainings = ["2024-12-01", "2024-09-01"]
    waiting = decide_training("2025-02-01", COHORTS, trainings, POLICY)
    assert (waiting.action, waiting.last_training) == ("not_due", "2024-12-01")
    assert waiting.reason == (
        "The last training was in 2024-12, 2 months before; the next is due 3 months after it, "
        "in 2025-03."
    )
    due = decide_training("2025-03-01", COHORTS, trainings, POLICY)
    assert due.action == "retraining"
    assert due.reason.startswith("Retraining is due: 3 months after the training of 2024-12")


def test_a_breach_retrains_early_only_where_the_policy_says_so() -> None:
    given_breach = ("drift of the score", "auc below 0.70")
    assert decide_training("2025-01-01", COHORTS, ["2024-12-01"], POLICY, given_breach).action == (
        "not_due"
    )
    early = decide_training("2025-01-01", COHORTS, ["2024-12-01"], EARLY, given_breach)
    assert early.action == "retraining"
    assert (
        "because 2024-12 breached its limits (drift of the score, auc below 0.70)" in early.reason
    )
    assert decide_training("2025-01-01", COHORTS, ["2024-12-01"], EARLY).action == "not_due"


def test_a_breach_cannot_replace_history() -> None:
    verdict = decide_training("2024-05-01", COHORTS, [], EARLY, ["drift"])
    assert verdict.action == "too_little_history"


def test_running_a_trained_month_again_gives_the_same_verdict() -> None:
    first = decide_training("2024-12-01", COHORTS, ["2024-09-01"], POLICY)
    again = decide_training("2024-12-01", COHORTS, ["2024-09-01", "2024-12-01"], POLICY)
    assert first == again


@given(
    MONTHS,
    st.dictionaries(MONTHS, st.integers(0, 500)),
    st.sets(MONTHS),
    st.booleans(),
    st.lists(st.just("drift"), max_size=1),
)
def test_nothing_of_the_month_or_later_changes_the_verdict(
    month: str, sizes: dict[str, int], trainings: set[str], early: bool, breaches: list[str]
) -> None:
    policy = EARLY if early else POLICY
    cohorts = COHORTS | sizes
    verdict = decide_training(month, cohorts, trainings, policy, breaches)
    known = {cohort: size for cohort, size in cohorts.items() if cohort < month}
    before = {training for training in trainings if training < month}
    assert decide_training(month, known, before, policy, breaches) == verdict
    if verdict.is_due:
        assert verdict.cohorts == tuple(month_range(add_months(month, -14), add_months(month, -1)))
        assert all(cohorts[cohort] > 0 for cohort in verdict.cohorts)


@given(st.integers(4, 12), st.integers(1, 3), st.integers(1, 3), st.integers(1, 6))
def test_other_windows_and_intervals_keep_the_same_rule(
    train: int, test: int, out_of_time: int, interval: int
) -> None:
    policy = TrainingPolicy(
        train_months=train,
        test_months=test,
        out_of_time_months=out_of_time,
        retrain_after_months=interval,
    )
    verdicts = replay(month_range("2023-07-01", "2025-12-01"), COHORTS, policy)
    due = [verdict.month for verdict in verdicts if verdict.is_due]
    first = add_months("2023-07-01", train + test + out_of_time)
    expected = [add_months(first, interval * step) for step in range(30)]
    assert due == [month for month in expected if month <= "2025-12-01"]
