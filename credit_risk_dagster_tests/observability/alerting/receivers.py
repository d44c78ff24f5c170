"""Real servers that take alerts: one speaks HTTP, the other SMTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from credit_risk_dagster_tests.ports import free_port


@dataclass
class Webhook:
    """A server that takes alerts, what it answers first (then 200), and what was posted to it."""

    url: str
    answers: list[int] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)


@contextmanager
def webhook_server() -> Iterator[Webhook]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.posted.append(json.loads(body)["text"])
            self.send_response(taken.answers.pop(0) if taken.answers else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    taken = Webhook(f"http://127.0.0.1:{server.server_port}/alerts")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield taken
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class MailServer:
    """A server that takes mail, and the mail that it took."""

    port: int
    taken: list[Message] = field(default_factory=list)

    def settings(self) -> dict[str, Any]:
        """Return the alert settings that send mail to it."""
        return {
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
            "smtp_starttls": False,
            "mail_from": "platform@lender.example",
            "mail_to": ("risk@lender.example", "oncall@lender.example"),
        }


@contextmanager
def mail_server() -> Iterator[MailServer]:
    server = MailServer(free_port())

    class Inbox:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            server.taken.append(message_from_bytes(envelope.content))
            return "250 taken"

    controller = Controller(Inbox(), hostname="127.0.0.1", port=server.port)
    controller.start()
    yield server
    controller.stop()
