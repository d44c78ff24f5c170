"""Checks of bronze and silver: what was delivered, what of it could be used."""

from credit_risk_dagster.checks.monthly_check import Finding, MonthlyCheck, MonthlyRule
from credit_risk_dagster.checks.structure import structure_checks
from credit_risk_dagster.datamart.datamart import Datamart
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.bronze import BRONZE, REJECTED
from credit_risk_dagster.tables.judgement import DUPLICATES, QUARANTINED
from credit_risk_dagster.tables.quarantine import quarantined_share, reason_counts
from credit_risk_dagster.tables.silver import SILVER

SHOWN_LINES = 3


def delivery_checks() -> list[MonthlyCheck]:
    """Return the checks of every source."""
    return [
        check
        for name in BRONZE
        for check in (*_bronze_checks(BRONZE[name]), *_silver_checks(BRONZE[name], SILVER[name]))
    ]


def _bronze_checks(bronze: Table) -> list[MonthlyCheck]:
    return [
        MonthlyCheck(
            bronze,
            "whole_lines",
            _whole_lines(bronze),
            "Every delivered line can be read, to the last.",
        ),
        MonthlyCheck(
            bronze,
            "delivered",
            _delivered(bronze),
            "The month was delivered, and is not run without the source.",
            warns=True,
        ),
        *structure_checks(bronze),
    ]


def _silver_checks(bronze: Table, silver: Table) -> list[MonthlyCheck]:
    return [
        *structure_checks(silver),
        MonthlyCheck(
            silver,
            "adds_up",
            _adds_up(bronze, silver),
            "Accepted, quarantined, duplicate and unreadable rows add up to what was delivered.",
            blocking=True,
        ),
        MonthlyCheck(
            silver,
            "quarantine_share",
            _quarantine_share(bronze, silver),
            "Few rows are quarantined; above the hard limit the asset itself fails.",
        ),
        MonthlyCheck(
            silver,
            "no_duplicates",
            _no_duplicates(silver),
            "No row is delivered twice.",
            warns=True,
        ),
    ]


def _whole_lines(bronze: Table) -> MonthlyRule:
    def rule(datamart: Datamart, _settings: Settings, month: str) -> Finding:
        record = datamart.required_record(bronze, month)
        rejected = datamart.read_beside(bronze, month, REJECTED).drop_columns("text")
        undated = record.provenance["undated_lines"]
        shown = [
            f"line {line['line_number']} of {line['source_file']}: {line['reason']}"
            for line in [*rejected.slice(0, SHOWN_LINES).to_pylist(), *undated][:SHOWN_LINES]
        ]
        figures = {"rejected": rejected.num_rows, "undated": record.provenance["undated"]}
        if not shown:
            return Finding(True, f"All {record.rows} lines could be read.", figures)
        count = rejected.num_rows + record.provenance["undated"]
        listed = "; ".join(shown) + ("; …" if count > len(shown) else "")
        lines = "1 line" if count == 1 else f"{count} lines"
        sentence = f"{lines} could not be read: {listed}. Ask for a corrected delivery."
        return Finding(False, sentence, figures)

    return rule


def _delivered(bronze: Table) -> MonthlyRule:
    def rule(datamart: Datamart, _settings: Settings, month: str) -> Finding:
        waived = datamart.required_record(bronze, month).provenance.get("waived")
        if waived is None:
            return Finding(True, f"{bronze.name} was delivered.")
        return Finding(False, f"Run without {bronze.name}: {waived}.")

    return rule


def _adds_up(bronze: Table, silver: Table) -> MonthlyRule:
    def rule(datamart: Datamart, _settings: Settings, month: str) -> Finding:
        delivered = datamart.required_record(bronze, month)
        refined = datamart.required_record(silver, month)
        parts = {
            "accepted": refined.rows,
            "quarantined": refined.beside[QUARANTINED].rows,
            "duplicates": refined.beside[DUPLICATES].rows,
            "unreadable": delivered.beside[REJECTED].rows,
        }
        total = delivered.facts["delivered"]
        sentence = " + ".join(f"{count} {part}" for part, count in parts.items())
        return Finding(sum(parts.values()) == total, f"{sentence} of {total} delivered.", parts)

    return rule


def _quarantine_share(bronze: Table, silver: Table) -> MonthlyRule:
    def rule(datamart: Datamart, settings: Settings, month: str) -> Finding:
        refined = datamart.required_record(silver, month)
        share = quarantined_share(datamart.required_record(bronze, month), refined)
        limit = settings.monitoring.quarantine_warning_share
        reasons = reason_counts(datamart.files_beside(silver, month, QUARANTINED))
        named = "; ".join(f"{reason} ({count})" for reason, count in reasons[:SHOWN_LINES])
        return Finding(
            share <= limit,
            f"{share:.2%} quarantined or unreadable, limit {limit:.2%}. {named}".strip(),
            {"share": share},
        )

    return rule


def _no_duplicates(silver: Table) -> MonthlyRule:
    def rule(datamart: Datamart, _settings: Settings, month: str) -> Finding:
        count = datamart.required_record(silver, month).beside[DUPLICATES].rows
        sentence = f"{count} rows repeat another to the letter and were dropped."
        return Finding(count == 0, sentence, {"duplicates": count})

    return rule
