"""People are told of a condition of a month once, on every channel, and when it is over."""

import logging
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.observability.alerting import channels
from credit_risk_dagster.observability.alerting.active import Alert
from credit_risk_dagster.observability.alerting.ledger import alert_history
from credit_risk_dagster.observability.alerting.tell import tell
from credit_risk_dagster.resources.metrics_store import MetricsStore
from credit_risk_dagster.settings import AlertSettings
from credit_risk_dagster_tests.observability.alerting.receivers import MailServer, Webhook
from credit_risk_dagster_tests.ports import free_port

NOON = datetime(2024, 9, 6, 12, tzinfo=UTC)
DRIFT = Alert("drift", "2024-09-01", "ERROR", "PSI of probability 0.31.")
DARK = Alert("failed_check gold/features no_dark_source", "2024-09-01", "ERROR", "Gone dark.")
LOG = logging.getLogger("alerts")


class Platform:
    """The store of one installation, told minute by minute what is wrong."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.url = f"sqlite:///{folder / 'metrics.db'}"
        self.settings = AlertSettings(**settings)
        self.now = NOON

    def minute(self, *active: Alert) -> int:
        """Let a minute pass, as after a restart: nothing is kept but what the store holds."""
        self.now += timedelta(minutes=1)
        return tell(MetricsStore(self.url), self.settings, active, self.now, LOG)

    def history(self) -> Sequence[dict[str, Any]]:
        return alert_history(MetricsStore(self.url), only_open=False)


def test_an_alert_is_told_once_and_its_end_once(tmp_path: Path, webhook: Webhook) -> None:
    platform = Platform(tmp_path, webhook=webhook.url)
    for active in ([], [DRIFT], [DRIFT], [], []):
        platform.minute(*active)

    assert webhook.posted == [
        "Credit risk: alerts: 1 new\n- ERROR 2024-09 drift: PSI of probability 0.31.",
        "Credit risk: alerts: 1 over\n- OVER 2024-09 drift: PSI of probability 0.31.",
    ]
    (row,) = platform.history()
    assert row["recovered_at"] > row["opened_at"]


def test_what_comes_back_is_told_again(tmp_path: Path, webhook: Webhook) -> None:
    platform = Platform(tmp_path, webhook=webhook.url)
    for active in ([DRIFT], [], [DRIFT]):
        platform.minute(*active)

    assert len(webhook.posted) == 3
    assert len(platform.history()) == 2


def test_a_finding_that_is_worded_anew_is_the_same_alert(tmp_path: Path, webhook: Webhook) -> None:
    platform = Platform(tmp_path, webhook=webhook.url)
    platform.minute(DRIFT)
    platform.minute(Alert(DRIFT.condition, DRIFT.month, "ERROR", "PSI of probability 0.32."))

    assert len(webhook.posted) == 1


def test_a_condition_that_goes_on_in_the_next_month_is_one_alert_there_and_not_over(
    tmp_path: Path, webhook: Webhook
) -> None:
    platform = Platform(tmp_path, webhook=webhook.url)
    platform.minute(DRIFT)
    platform.minute(Alert("drift", "2024-10-01", "ERROR", "PSI of probability 0.40."))
    platform.minute()

    assert [text.partition("\n")[2] for text in webhook.posted] == [
        "- ERROR 2024-09 drift: PSI of probability 0.31.",
        "- ERROR 2024-10 drift: PSI of probability 0.40.",
        "- OVER 2024-10 drift: PSI of probability 0.40.",
    ]


def test_all_that_is_new_comes_in_one_message_and_months_share_a_line(
    tmp_path: Path, webhook: Webhook
) -> None:
    platform = Platform(tmp_path, webhook=webhook.url)
    later = Alert(DARK.condition, "2024-10-01", DARK.severity, DARK.sentence)
    platform.minute(DRIFT, DARK, later)

    assert webhook.posted == [
        "Credit risk: alerts: 3 new\n"
        "- ERROR 2024-09 drift: PSI of probability 0.31.\n"
        "- ERROR 2024-09, 2024-10 failed_check gold/features no_dark_source: Gone dark."
    ]


def test_mail_reaches_everybody_over_smtp(tmp_path: Path, mail: MailServer) -> None:
    platform = Platform(tmp_path, **mail.settings())
    for active in ([DRIFT], [DRIFT], []):
        platform.minute(*active)

    opened, over = mail.taken
    assert opened["Subject"] == "Credit risk: alerts: 1 new"
    assert opened["To"] == "risk@lender.example, oncall@lender.example"
    assert "2024-09 drift: PSI of probability 0.31." in str(opened.get_payload())
    assert over["Subject"] == "Credit risk: alerts: 1 over"


def test_a_channel_that_is_down_keeps_nobody_else_from_being_told_and_is_tried_again(
    tmp_path: Path, webhook: Webhook, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "BACKOFF_SECONDS", 0)
    webhook.answers = [500] * channels.ATTEMPTS
    platform = Platform(tmp_path, webhook=webhook.url, **mail.settings())
    with pytest.raises(PlatformError, match=r"webhook took no alert: .* 500 .*tried again"):
        platform.minute(DRIFT)
    assert len(mail.taken) == 1

    assert platform.minute(DRIFT) == 1
    assert len(webhook.posted) == channels.ATTEMPTS + 1
    assert platform.minute(DRIFT) == 0
    assert len(mail.taken) == 1


def test_an_alert_that_was_over_before_a_channel_took_it_is_not_told_there(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "BACKOFF_SECONDS", 0)
    webhook.answers = [404]
    platform = Platform(tmp_path, webhook=webhook.url)
    with pytest.raises(PlatformError):
        platform.minute(DRIFT)
    webhook.posted.clear()
    platform.minute()

    assert webhook.posted == []


def test_a_mail_server_that_cannot_be_reached_is_named(tmp_path: Path, mail: MailServer) -> None:
    platform = Platform(tmp_path, **{**mail.settings(), "smtp_port": 1})
    with pytest.raises(PlatformError, match=r"mail took no alert: ConnectionRefusedError"):
        platform.minute(DRIFT)


def test_a_server_that_must_encrypt_and_does_not_gets_no_mail(
    tmp_path: Path, mail: MailServer
) -> None:
    platform = Platform(tmp_path, **{**mail.settings(), "smtp_starttls": True})
    with pytest.raises(PlatformError, match="mail took no alert: SMTPNotSupportedError"):
        platform.minute(DRIFT)
    assert mail.taken == []


def test_the_log_always_has_the_alert(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    platform = Platform(tmp_path)
    platform.minute(DRIFT)
    platform.minute(DRIFT)

    assert caplog.messages == [
        "Credit risk: alerts: 1 new\n- ERROR 2024-09 drift: PSI of probability 0.31."
    ]


RECOGNISABLE = "what-nobody-may-read"


@pytest.mark.parametrize("answers", [[], [500] * channels.ATTEMPTS, [404]])
def test_the_token_of_a_webhook_is_in_no_log_and_no_error(
    tmp_path: Path,
    webhook: Webhook,
    answers: list[int],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "BACKOFF_SECONDS", 0)
    webhook.answers = list(answers)
    assert RECOGNISABLE not in _all_that_is_said(tmp_path, f"{webhook.url}/{RECOGNISABLE}", caplog)
    assert len(webhook.posted) == max(len(answers), 1)


def test_the_token_of_a_webhook_that_cannot_be_reached_is_in_no_log_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "BACKOFF_SECONDS", 0)
    address = f"http://127.0.0.1:{free_port()}/hooks/{RECOGNISABLE}"
    said = _all_that_is_said(tmp_path, address, caplog)
    assert "webhook took no alert" in said
    assert RECOGNISABLE not in said


def test_the_password_of_the_mail_server_is_in_no_log_and_no_error(
    tmp_path: Path, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = {**mail.settings(), "smtp_user": "platform", "smtp_password": RECOGNISABLE}
    platform = Platform(tmp_path, **chosen)
    with caplog.at_level(logging.DEBUG), pytest.raises(PlatformError) as told:
        platform.minute(DRIFT)  # the server knows no login
    said = "".join(traceback.format_exception(told.value))
    assert "mail took no alert" in said
    assert RECOGNISABLE not in said + caplog.text + repr(platform.settings)


def _all_that_is_said(folder: Path, address: str, caplog: pytest.LogCaptureFixture) -> str:
    """Tell an alert; return whatever log, error and settings say in doing so."""
    platform = Platform(folder, webhook=address)
    said = repr(platform.settings) + platform.settings.model_dump_json()
    with caplog.at_level(logging.DEBUG):
        try:
            platform.minute(DRIFT)
        except PlatformError as error:
            said += "".join(traceback.format_exception(error))
    return said + caplog.text
