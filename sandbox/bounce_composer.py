"""Bounces that come later, as mail systems really write them (RFC 3461 to 3464)."""

from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Literal, NamedTuple

from sandbox.draw import Draw
from sandbox.mail_composer import OutgoingMail, text_part
from sandbox.mail_reader import ReceivedMail

LARGEST_RETURNED = 30_000


class _Reason(NamedTuple):
    status: str
    diagnostic: str


_HARD = (
    _Reason("5.1.1", "550 5.1.1 <{to}>: Recipient address rejected: User unknown"),
    _Reason("5.1.1", "550 5.1.1 The email account that you tried to reach does not exist."),
    _Reason("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"),
    _Reason("5.4.4", "550 5.4.4 Unable to route: no mail hosts for domain"),
)
_SOFT = (
    _Reason("4.2.2", "452 4.2.2 <{to}>: mailbox full"),
    _Reason("4.2.2", "452 4.2.2 The email account that you tried to reach is over quota."),
    _Reason("4.4.1", "451 4.4.1 connect to mx.{domain}: Connection timed out"),
)


class _Report(NamedTuple):
    """What every shape of a report says."""

    to: str
    domain: str
    host: str
    reason: _Reason
    action: Literal["failed", "delayed"]
    now: datetime
    arrived: datetime
    mail: ReceivedMail
    token: str

    @property
    def diagnostic(self) -> str:
        return self.reason.diagnostic.format(to=self.to, domain=self.domain)


def compose_bounce(
    address: str, mail: ReceivedMail, *, hard: bool, now: datetime, draw: Draw
) -> OutgoingMail | None:
    """Return a delivery status notification to the envelope sender, with the null reverse-path.

    None when the mail had the null reverse-path itself: that never bounces (RFC 5321, 4.5.5).
    A soft one is as often a warning that the mail is delayed as a failure with a 4.x.x status.
    """
    if not mail.envelope_from:
        return None
    domain = address.rpartition("@")[2]
    report = _Report(
        to=address,
        domain=domain,
        host=f"mx{1 + int(draw.uniform() * 3)}.{domain}",
        reason=draw.choice(_HARD if hard else _SOFT),
        action="failed" if hard or draw.happens(0.5) else "delayed",
        now=now,
        arrived=now - timedelta(seconds=2 + int(draw.uniform() * 600)),
        mail=mail,
        token=draw.token(),
    )
    shape = draw.choice((_postfix, _exchange, _gmail))
    return OutgoingMail("", mail.envelope_from, shape(report).encode())


def _postfix(report: _Report) -> str:
    failed = report.action == "failed"
    subject = (
        "Undelivered Mail Returned to Sender" if failed else "Delayed Mail (still being retried)"
    )
    boundary = f"{report.token[:10].upper()}.{int(report.now.timestamp())}/{report.host}"
    sorry = (
        "I'm sorry to have to inform you that your message could not\n"
        "be delivered to one or more recipients. It's attached below."
        if failed
        else "####################################################################\n"
        "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n"
        "####################################################################\n\n"
        "Your message could not be delivered for more than 1 hour(s).\n"
        "It will be retried until it is 5 day(s) old."
    )
    explanation = (
        f"This is the mail system at host {report.host}.\n\n{sorry}\n\n"
        f"                   The mail system\n\n<{report.to}>: {report.diagnostic}\n"
    )
    # Postfix returns the headers alone when the mail is long or only delayed.
    whole = failed and len(report.mail.raw) < LARGEST_RETURNED
    return _assemble(
        report,
        [
            f"From: MAILER-DAEMON@{report.host} (Mail Delivery System)",
            f"Subject: {subject}",
            "Auto-Submitted: auto-replied",
        ],
        boundary,
        _plain(explanation, "Content-Description: Notification\r\n"),
        [
            f"Reporting-MTA: dns; {report.host}",
            f"X-Postfix-Queue-ID: {report.token[:10].upper()}",
            f"X-Postfix-Sender: rfc822; {report.mail.envelope_from}",
            f"Arrival-Date: {format_datetime(report.arrived)}",
            "",
            f"Final-Recipient: rfc822; {report.to}",
            f"Original-Recipient: rfc822;{report.to}",
            f"Action: {report.action}",
            f"Status: {report.reason.status}",
            f"Remote-MTA: dns; {report.host}",
            f"Diagnostic-Code: smtp; {report.diagnostic}",
        ],
        whole=whole,
    )


def _exchange(report: _Report) -> str:
    failed = report.action == "failed"
    verb = "Undeliverable" if failed else "Delivery delayed"
    explanation = (
        f"Delivery {'has failed' if failed else 'is delayed'} to these recipients or groups:\n\n"
        f"{report.to}\n\nDiagnostic information for administrators:\n\n"
        f"Generating server: {report.host}\n\n{report.to}\n"
        f"Remote Server returned '{report.diagnostic}'\n"
    )
    return _assemble(
        report,
        [
            f"From: postmaster@{report.domain}",
            f"Subject: {verb}: {report.mail.subject}",
            "Content-Language: en-US",
            "X-MS-Exchange-Message-Is-Ndr:",
            *_reference(report.mail),
        ],
        f"{report.token[:8]}-{report.token[8:]}-0000-0000",
        _plain(explanation, ""),
        [
            f"Reporting-MTA: dns;{report.host}",
            f"Received-From-MTA: dns;{report.host}",
            f"Arrival-Date: {format_datetime(report.arrived)}",
            "",
            f"Final-Recipient: rfc822;{report.to}",
            f"Action: {report.action}",
            f"Status: {report.reason.status}",
            f"Diagnostic-Code: smtp;{report.diagnostic}",
        ],
        whole=len(report.mail.raw) < LARGEST_RETURNED,
    )


def _gmail(report: _Report) -> str:
    failed = report.action == "failed"
    title = "Address not found" if failed else "Delivery incomplete"
    explanation = (
        f"\n** {title} **\n\nYour message wasn't delivered to {report.to} because the address "
        f"couldn't be found, or is unable to receive mail.\n\nThe response was:\n\n"
        f"{report.diagnostic}\n"
        if failed
        else f"\n** {title} **\n\nThere was a temporary problem while delivering your message to "
        f"{report.to}. Gmail will retry for 47 more hours.\n\nThe response was:\n\n"
        f"{report.diagnostic}\n"
    )
    return _assemble(
        report,
        [
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            f"Subject: Delivery Status Notification ({'Failure' if failed else 'Delay'})",
            "Auto-Submitted: auto-replied",
            f"X-Failed-Recipients: {report.to}",
            *_reference(report.mail),
        ],
        f"000000000000{report.token}",
        _alternative(explanation, report.token),
        [
            "Reporting-MTA: dns; googlemail.com",
            f"Received-From-MTA: dns; {report.mail.from_address}",
            f"Arrival-Date: {format_datetime(report.arrived)}",
            f"X-Original-Message-ID: {report.mail.message_id}",
            "",
            f"Final-Recipient: rfc822; {report.to}",
            f"Action: {report.action}",
            f"Status: {report.reason.status}",
            f"Remote-MTA: dns; {report.host}. (192.0.2.25, the server for the domain.)",
            f"Diagnostic-Code: smtp; {report.diagnostic}",
            f"Last-Attempt-Date: {format_datetime(report.now)}",
        ],
        whole=len(report.mail.raw) < LARGEST_RETURNED,
    )


def _assemble(
    report: _Report,
    headers: list[str],
    boundary: str,
    explanation: str,
    status: list[str],
    *,
    whole: bool,
) -> str:
    kind = "message/rfc822" if whole else "text/rfc822-headers"
    returned = (report.mail.raw if whole else report.mail.head).decode("utf-8", "replace")
    lines = [
        *headers,
        f"To: {report.mail.envelope_from}",
        f"Date: {format_datetime(report.now)}",
        f"Message-ID: <{report.token}.{report.now:%Y%m%d%H%M%S%f}@{report.host}>",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary}"',
        "",
        "This is a MIME-encapsulated message.",
        "",
        f"--{boundary}",
        explanation,
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        *status,
        "",
        f"--{boundary}",
        f"Content-Type: {kind}",
        "",
        returned,
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines)


def _plain(text: str, headers: str) -> str:
    return headers + text_part("plain", text)


def _alternative(text: str, token: str) -> str:
    boundary = f"00000000000a{token}"
    markup = "<html><body><pre>" + text.replace("<", "&lt;") + "</pre></body></html>"
    return (
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\n{text_part('plain', text)}\r\n"
        f"--{boundary}\r\n{text_part('html', markup)}\r\n--{boundary}--\r\n"
    )


def _reference(mail: ReceivedMail) -> list[str]:
    if not mail.message_id:
        return []
    return [f"In-Reply-To: {mail.message_id}", f"References: {mail.message_id}"]
