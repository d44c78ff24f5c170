"""A rule about one month of a table, and how Dagster evaluates it over the months of a run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from credit_risk_dagster.assets.monthly import POOL, asset_key
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.months import month_range
from credit_risk_dagster.settings import Settings

MONTHS, FAILED_MONTHS = "months", "failed months"
SHOWN_MONTHS = 6


@dataclass(frozen=True)
class Finding:
    """What a rule says of a month: whether it holds, why in one sentence, and the figures."""

    holds: bool
    sentence: str
    figures: Mapping[str, Any] = field(default_factory=dict)


MonthlyRule = Callable[[Datamart, Settings, str], Finding]
"""Looks at one month, by its key."""


@dataclass(frozen=True)
class MonthlyCheck:
    """A rule about a table.

    Attributes:
        table: the table it is about.
        name: its name, unique for the table.
        rule: looks at one month.
        description: what it asks for.
        blocking: whether what is downstream must not run when it fails.
        warns: whether a failure is a warning rather than an error.
    """

    table: Table
    name: str
    rule: MonthlyRule
    description: str
    blocking: bool = False
    warns: bool = False


def build_checks(checks: Sequence[MonthlyCheck]) -> list[dg.AssetChecksDefinition]:
    """Return Dagster's checks: one step a table, one evaluation a check and run."""
    tables = dict.fromkeys(check.table.path for check in checks)
    return [
        _table_checks([check for check in checks if check.table.path == path]) for path in tables
    ]


def _table_checks(checks: Sequence[MonthlyCheck]) -> dg.AssetChecksDefinition:
    table = checks[0].table

    @dg.multi_asset_check(
        name=f"{table.layer}__{table.name}__checks",
        specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=asset_key(table),
                description=check.description,
                blocking=check.blocking,
            )
            for check in checks
        ],
        pool=POOL,
    )
    def evaluate(
        context: dg.AssetCheckExecutionContext,
        datamart: dg.ResourceParam[Datamart],
        settings: dg.ResourceParam[Settings],
    ) -> Iterator[dg.AssetCheckResult]:
        months = months_of_run(context.run.tags) or datamart.months(table)[-1:]
        for check in checks:
            yield _result(check, {month: check.rule(datamart, settings, month) for month in months})

    return evaluate


def months_of_run(tags: Mapping[str, str]) -> list[str]:
    """Return the months that a run is for, from its tags; empty if it is for none."""
    if ASSET_PARTITION_RANGE_START_TAG in tags:
        return month_range(
            tags[ASSET_PARTITION_RANGE_START_TAG], tags[ASSET_PARTITION_RANGE_END_TAG]
        )
    return [tags[PARTITION_NAME_TAG]] if PARTITION_NAME_TAG in tags else []


def _result(check: MonthlyCheck, findings: Mapping[str, Finding]) -> dg.AssetCheckResult:
    failed = {month: finding for month, finding in findings.items() if not finding.holds}
    metadata: dict[str, Any] = {MONTHS: list(findings), FAILED_MONTHS: list(failed)}
    metadata |= {
        f"{month} {name}": value
        for month, finding in list(findings.items())[-SHOWN_MONTHS:]
        for name, value in finding.figures.items()
        if value is not None
    }
    return dg.AssetCheckResult(
        check_name=check.name,
        asset_key=asset_key(check.table),
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN if check.warns else dg.AssetCheckSeverity.ERROR,
        description=_description(findings, failed),
        metadata=metadata,
    )


def _description(findings: Mapping[str, Finding], failed: Mapping[str, Finding]) -> str:
    if not failed:
        if not findings:
            return "No month to look at."
        sentence = list(findings.values())[-1].sentence
        return sentence if len(findings) == 1 else f"All {len(findings)} months hold. {sentence}"
    shown: Sequence[str] = list(failed)[-SHOWN_MONTHS:]
    sentences = " ".join(f"{month[:7]}: {failed[month].sentence}" for month in shown)
    more = f"{len(failed)} of {len(findings)} months fail. " if len(findings) > 1 else ""
    return more + sentences
