from collections.abc import Iterator

import pytest

from credit_risk_dagster_tests.observability.alerting.receivers import (
    MailServer,
    Webhook,
    mail_server,
    webhook_server,
)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server
