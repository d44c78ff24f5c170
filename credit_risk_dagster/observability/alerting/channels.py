"""The ways to a person: the log, a webhook that Slack understands, and e-mail."""

import smtplib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from logging import Logger, LogRecord, getLogger
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from credit_risk_dagster.settings import AlertSettings

TIMEOUT_SECONDS = 10
ATTEMPTS = 4
BACKOFF_SECONDS = 0.5


@dataclass(frozen=True)
class Message:
    """What is sent: a subject, and a text that begins with it."""

    subject: str
    text: str


Send = Callable[[Message], None]
"""Sends a message; raises if it was not taken."""

HTTP_LOGS = (getLogger("urllib3.connectionpool"), getLogger("urllib3.util.retry"))
"""Where the address of every request is written that is made or tried again."""


class RefusedError(Exception):
    """A webhook did not take a message."""


FAILURES = (RefusedError, smtplib.SMTPException, OSError)
"""What a channel raises that is out of order."""


def channels(settings: AlertSettings, log: Logger) -> dict[str, Send]:
    """Return the channels that are set, by name."""
    chosen: dict[str, Send] = {"log": partial(send_to_log, log)}
    if settings.webhook is not None:
        chosen["webhook"] = partial(send_to_webhook, str(settings.webhook.get_secret_value()))
    if settings.smtp_host is not None:
        chosen["mail"] = partial(send_mail, settings)
    return chosen


def send_to_log(log: Logger, message: Message) -> None:
    """Write a message to the log."""
    log.warning(message.text)


def send_to_webhook(url: str, message: Message) -> None:
    """Post a message as JSON with the key `text`; tried several times.

    Raises:
        RefusedError: if no attempt is taken; it names the host alone, because whoever has
            the path of a webhook can post to it.
    """
    retry = Retry(
        total=ATTEMPTS - 1,
        backoff_factor=BACKOFF_SECONDS,
        status_forcelist=range(500, 600),
        raise_on_status=False,
        allowed_methods=None,
        respect_retry_after_header=False,
    )
    host = urlsplit(url).hostname
    with requests.Session() as session, _silent(HTTP_LOGS, urlsplit(url).path):
        session.mount(url, HTTPAdapter(max_retries=retry))
        try:
            answer = session.post(url, json={"text": message.text}, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise RefusedError(f"{type(error).__name__} of {host}") from None
    if not answer.ok:
        raise RefusedError(f"status {answer.status_code} of {host}")


@contextmanager
def _silent(logs: Sequence[Logger], secret: str) -> Iterator[None]:
    """Keep what quotes a secret out of logs."""

    def is_free_of_it(record: LogRecord) -> bool:
        return secret.strip("/") not in record.getMessage()

    for log in logs:
        log.addFilter(is_free_of_it)
    try:
        yield
    finally:
        for log in logs:
            log.removeFilter(is_free_of_it)


def send_mail(settings: AlertSettings, message: Message) -> None:
    """Send a message by e-mail.

    Raises:
        smtplib.SMTPException: if the server does not take it.
        OSError: if the server cannot be reached.
    """
    mail = EmailMessage()
    mail["Subject"], mail["From"] = message.subject, settings.mail_from
    mail["To"] = ", ".join(settings.mail_to)
    mail.set_content(message.text)
    host = settings.smtp_host or ""
    with smtplib.SMTP(host, settings.smtp_port, timeout=TIMEOUT_SECONDS) as server:
        if settings.smtp_starttls:
            server.starttls()
        if settings.smtp_user is not None and settings.smtp_password is not None:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(mail)
