"""Mails made up for tests."""

from email.message import EmailMessage
from email.policy import SMTP
from textwrap import dedent

from cadenza.model import TouchId
from tests.events.support import LINKS

TOUCH = TouchId(4711)
REPLY_ADDRESS = LINKS.reply_address(TOUCH)
BOUNCE_ADDRESS = LINKS.bounce_address(TOUCH)
UNSUBSCRIBE_ADDRESS = LINKS.unsubscribe_address(TOUCH)
OUR_MESSAGE_ID = LINKS.message_id(TOUCH)
PERSON = "jane@prospect.example"


def mail(text: str, **headers: str) -> bytes:
    """A mail of a person; header names with `_` for `-`, an empty value leaves a header out."""
    message = EmailMessage(policy=SMTP)
    values = {
        "From": f"Jane Doe <{PERSON}>",
        "To": REPLY_ADDRESS,
        "Subject": "Re: Your invoices",
        "Message-ID": "<abc123@prospect.example>",
        "Date": "Tue, 3 Mar 2026 10:00:00 +0100",
        "In-Reply-To": OUR_MESSAGE_ID,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in values.items():
        if value:
            message[name] = value
    message.set_content(text)
    return message.as_bytes()


def bounce(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <jane@prospect.example>: User unknown",
    notice: str = "I'm sorry to have to inform you that your message could not be delivered.",
    original: str = OUR_MESSAGE_ID,
) -> bytes:
    """A delivery status notification as RFC 3464 wants it."""
    diagnostic_line = f"Diagnostic-Code: {diagnostic}\n" if diagnostic else ""
    return (
        dedent(
            f"""\
            From: MAILER-DAEMON@mx.prospect.example (Mail Delivery System)
            To: {BOUNCE_ADDRESS}
            Subject: Undelivered Mail Returned to Sender
            Message-ID: <dsn-1@mx.prospect.example>
            Auto-Submitted: auto-replied
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status; boundary="b/1"

            This is a MIME-encapsulated message.

            --b/1
            Content-Type: text/plain; charset=utf-8

            {notice}

            --b/1
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.prospect.example
            Arrival-Date: Tue, 3 Mar 2026 10:00:00 +0000

            Final-Recipient: rfc822; jane@prospect.example
            Action: {action}
            Status: {status}
            """
        )
        + diagnostic_line
        + dedent(
            f"""\

            --b/1
            Content-Type: message/rfc822

            From: Ann <ann@example.com>
            To: jane@prospect.example
            Subject: Your invoices
            Message-ID: {original}

            Dear Jane, are you out of office? Please call me.
            --b/1--
            """
        )
    ).encode()
