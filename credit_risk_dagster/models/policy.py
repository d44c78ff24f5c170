"""The training policy: the one function that says whether a month trains, and why."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from credit_risk_dagster.months import add_months, month_range, months_between
from credit_risk_dagster.settings import TrainingPolicy

TrainingAction = Literal["too_little_history", "initial_training", "retraining", "not_due"]


@dataclass(frozen=True)
class TrainingVerdict:
    """What the policy says of a month.

    `cohorts` are the months of the training window, oldest first; empty unless training is due.
    """

    month: str
    action: TrainingAction
    reason: str
    cohorts: tuple[str, ...]
    last_training: str | None

    @property
    def is_due(self) -> bool:
        """Whether the month is to train."""
        return self.action in ("initial_training", "retraining")


def decide_training(
    month: str,
    cohort_sizes: Mapping[str, int],
    trainings: Collection[str],
    policy: TrainingPolicy,
    breaches: Sequence[str] = (),
) -> TrainingVerdict:
    """Say whether a month trains, from what was known before it.

    `cohort_sizes` maps the month of a cohort to its loans, `trainings` are the months in which a
    training was recorded, `breaches` what monitoring found in the month before. Cohorts and
    trainings of the month itself or later are not looked at.
    """
    last_training = max((trained for trained in trainings if trained < month), default=None)
    cause = _cause(month, last_training, policy, breaches)
    if cause is None:
        reason = _not_due_reason(month, str(last_training), policy)
        return TrainingVerdict(month, "not_due", reason, (), last_training)
    window = month_range(add_months(month, -policy.window_months), add_months(month, -1))
    lacking = [cohort for cohort in window if cohort_sizes.get(cohort, 0) < 1]
    if lacking:
        reason = (
            f"{cause}, but it needs {len(window)} consecutive cohorts with loans, "
            f"{_months(window)}, and {len(lacking)} of them "
            f"{'is' if len(lacking) == 1 else 'are'} missing or empty: {_months(lacking)}."
        )
        return TrainingVerdict(month, "too_little_history", reason, (), last_training)
    loans = sum(cohort_sizes[cohort] for cohort in window)
    reason = f"{cause}; all {len(window)} cohorts {_months(window)} have loans, {loans} together."
    action: TrainingAction = "initial_training" if last_training is None else "retraining"
    return TrainingVerdict(month, action, reason, tuple(window), last_training)


def _cause(
    month: str, last_training: str | None, policy: TrainingPolicy, breaches: Sequence[str]
) -> str | None:
    """Return why a training is wanted, if it is."""
    if last_training is None:
        return "The first training is due, since none was recorded before"
    passed = months_between(last_training, month)
    if passed >= policy.retrain_after_months:
        return (
            f"Retraining is due: {_count(passed)} after the training of {last_training[:7]}, "
            f"at least {policy.retrain_after_months} asked for"
        )
    if policy.retrain_early and breaches:
        return (
            f"Retraining is due early, {_count(passed)} after the training of "
            f"{last_training[:7]}, because {add_months(month, -1)[:7]} breached its limits "
            f"({', '.join(breaches)})"
        )
    return None


def _not_due_reason(month: str, last_training: str, policy: TrainingPolicy) -> str:
    passed = months_between(last_training, month)
    next_due = add_months(last_training, policy.retrain_after_months)
    return (
        f"The last training was in {last_training[:7]}, {_count(passed)} before; the next is due "
        f"{policy.retrain_after_months} months after it, in {next_due[:7]}."
    )


def _count(months: int) -> str:
    return f"{months} month{'' if months == 1 else 's'}"


def _months(months: Iterable[str]) -> str:
    """Write months as stretches: 2023-01, 2023-05 to 2023-08."""
    ordered = list(months)
    starts = [0, *(i + 1 for i, pair in enumerate(pairwise(ordered)) if months_between(*pair) > 1)]
    stretches = [ordered[a:b] for a, b in zip(starts, [*starts[1:], len(ordered)], strict=True)]
    return ", ".join(
        stretch[0][:7] if len(stretch) == 1 else f"{stretch[0][:7]} to {stretch[-1][:7]}"
        for stretch in stretches
    )
