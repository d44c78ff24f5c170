"""Tells people what is wrong, once, and that it is over."""

from collections.abc import Sequence
from datetime import datetime
from logging import Logger

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.observability.alerting.active import Alert
from credit_risk_dagster.observability.alerting.channels import FAILURES, channels
from credit_risk_dagster.observability.alerting.ledger import (
    mark_sent,
    pending_notices,
    record_alerts,
)
from credit_risk_dagster.observability.alerting.messages import message
from credit_risk_dagster.resources.metrics_store import MetricsStore
from credit_risk_dagster.settings import AlertSettings


def tell(
    store: MetricsStore,
    settings: AlertSettings,
    active: Sequence[Alert],
    now: datetime,
    log: Logger,
) -> int:
    """Record what is wrong now, and send to every channel what it has not taken yet.

    A channel that is out of order does not keep the others from being told, and is tried again
    next time.

    Args:
        store: the metrics store, which remembers who was told what.
        settings: the channels.
        active: everything that is wrong now.
        now: when this was found.
        log: where alerts are always written.

    Returns:
        How many notices were sent.

    Raises:
        PlatformError: naming the channels that took nothing.
    """
    record_alerts(store, active, now)
    sent, faults = 0, []
    for name, send in channels(settings, log).items():
        notices = pending_notices(store, name)
        if not notices:
            continue
        try:
            send(message(notices))
        except FAILURES as error:
            faults.append(f"{name} took no alert: {type(error).__name__}: {error}.")
            continue
        mark_sent(store, name, notices, now)
        sent += len(notices)
    if faults:
        raise PlatformError(
            " ".join([*faults, "Check CREDIT_RISK_ALERTS__…; it is tried again in a minute."])
        )
    return sent
