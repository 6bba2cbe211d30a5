"""Bounces that come later, read with the standard library."""

from email.message import EmailMessage, Message

import pytest

from tests.sandbox.conftest import Begin
from tests.sandbox.world import ClockFile, Inbound, make_mail, send_mail, settle

PERSON = "jean@customer.example"


async def collect(
    begin: Begin, clock: ClockFile, inbound: Inbound, persona: str
) -> list[EmailMessage]:
    sandbox = await begin(outbox={"port": inbound.port}, overrides={PERSON: {"persona": persona}})
    for number in range(40):
        await send_mail(sandbox, make_mail(PERSON, text=f"text {number}\n.\n.."))
    await settle(sandbox, clock)
    assert {sender for sender, _, _ in inbound.mails} == {""}
    assert {to for _, (to,), _ in inbound.mails} == {"b+1@acme.example"}
    assert sum(sandbox.ledger.actions.values()) == 40
    return [message for _, _, message in inbound.mails]


def report_of(message: EmailMessage) -> tuple[Message, Message, Message]:
    """Return the explanation, the recipient's fields, and what was returned."""
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message.defects == []
    parts = message.get_payload()
    assert isinstance(parts, list)
    explanation, status, returned = parts
    assert isinstance(status, Message)
    assert status.get_content_type() == "message/delivery-status"
    groups = status.get_payload()
    assert isinstance(groups, list)
    _, recipient = groups
    assert isinstance(explanation, Message)
    assert isinstance(recipient, Message)
    assert isinstance(returned, Message)
    return explanation, recipient, returned


async def test_hard_bounces_are_reports_with_5xx_statuses(
    begin: Begin, clock: ClockFile, inbound: Inbound
) -> None:
    messages = await collect(begin, clock, inbound, "hard_bounce_dsn")
    for message in messages:
        _, recipient, _ = report_of(message)
        assert recipient["Action"] == "failed"
        assert recipient["Status"].startswith("5.")
        assert recipient["Final-Recipient"].replace(" ", "") == f"rfc822;{PERSON}"
        assert recipient["Diagnostic-Code"].startswith("smtp;")
    senders = {message["From"].partition("@")[0] for message in messages}
    assert senders == {"MAILER-DAEMON", "postmaster", "Mail Delivery Subsystem <mailer-daemon"}


async def test_soft_bounces_are_failures_or_warnings_with_4xx_statuses(
    begin: Begin, clock: ClockFile, inbound: Inbound
) -> None:
    messages = await collect(begin, clock, inbound, "soft_bounce_dsn")
    recipients = [report_of(message)[1] for message in messages]
    assert {str(recipient["Action"]) for recipient in recipients} == {"failed", "delayed"}
    assert all(recipient["Status"].startswith("4.") for recipient in recipients)
    assert "4.2.2" in {str(recipient["Status"]) for recipient in recipients}


async def test_bounces_return_the_mail_or_its_headers(
    begin: Begin, clock: ClockFile, inbound: Inbound
) -> None:
    messages = await collect(begin, clock, inbound, "soft_bounce_dsn")
    kinds = set()
    for message in messages:
        _, _, returned = report_of(message)
        kinds.add(returned.get_content_type())
        assert "Message-ID: <touch-1@acme.example>" in returned.as_string()
    assert kinds == {"message/rfc822", "text/rfc822-headers"}


@pytest.mark.parametrize("persona", ["hard_bounce_dsn", "soft_bounce_dsn"])
async def test_a_mail_with_the_null_reverse_path_never_bounces(
    begin: Begin, clock: ClockFile, inbound: Inbound, persona: str
) -> None:
    sandbox = await begin(outbox={"port": inbound.port}, overrides={PERSON: {"persona": persona}})
    await send_mail(sandbox, make_mail(PERSON), sender="")
    await settle(sandbox, clock)
    assert inbound.mails == []
