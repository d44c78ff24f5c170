"""How notices read: one message for all that is told at a time."""

from collections.abc import Sequence

from credit_risk_dagster.observability.alerting.channels import Message
from credit_risk_dagster.observability.alerting.ledger import OPENED, Notice


def message(notices: Sequence[Notice]) -> Message:
    """Return one message about notices.

    Months of the same condition with the same finding share a line.
    """
    opened = sum(notice.kind == OPENED for notice in notices)
    parts = [f"{opened} new" if opened else "", f"{len(notices) - opened} over"]
    shown = parts if opened < len(notices) else parts[:1]
    subject = f"Credit risk: alerts: {', '.join(part for part in shown if part)}"
    months: dict[tuple[str, str, str, str], list[str]] = {}
    for notice in notices:
        alert = notice.alert
        key = (notice.kind, alert.severity, alert.condition, alert.sentence)
        months.setdefault(key, []).append(alert.month[:7])
    lines = [
        f"- {severity if kind == OPENED else 'OVER'} {', '.join(found)} {condition}: {sentence}"
        for (kind, severity, condition, sentence), found in months.items()
    ]
    return Message(subject, "\n".join([subject, *lines]))
