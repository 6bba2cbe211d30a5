"""One mail over one connection, phase by phase (RFC 5321 §3.3).

MAIL, RCPT, DATA  →  354  →  begin()  →  body and final dot  →  answer
nothing has left                       | it may have left     | known again
"""

import asyncio

from cadenza.abc import Begin
from cadenza.errors import AmbiguousSendError, PermanentSendError, TransientSendError
from senders.email_smtp.connection import ConnectionLost, Reply, SmtpConnection
from senders.email_smtp.mime import Mail
from senders.email_smtp.replies import Phase, refusal

_SEND_THE_BODY = 354
_CLOSING = 421

Step = tuple[Phase, bytes]


class StaleConnection(TransientSendError):
    """A connection that was kept for later was found dead; nothing of this mail had left."""


async def deliver(connection: SmtpConnection, mail: Mail, begin: Begin) -> Reply:
    """Hand `mail` to the relay and return its acceptance. Errors as in `Sender.send`.

    Whatever happens, `connection.reusable` tells afterwards whether it is fit for the next mail.
    """
    steps = _steps(connection, mail)
    connection.at_rest = False
    await _envelope(connection, steps)
    # If begin raises, the relay waits for a mail that never comes, and the
    # connection is lost. A lone dot would deliver an empty mail.
    await begin()
    if not connection.alive:
        raise TransientSendError(
            "the relay hung up just before the mail was to leave", code="connection"
        )
    return await _body(connection, mail)


def _steps(connection: SmtpConnection, mail: Mail) -> list[Step]:
    offered = connection.extensions
    if mail.smtputf8 and not offered.smtputf8:
        raise PermanentSendError(
            "an address has letters beyond ASCII before the @ and the relay does not "
            "offer SMTPUTF8 (RFC 6531)",
            code="smtputf8",
        )
    if 0 < offered.size < len(mail.data):
        raise PermanentSendError(
            f"the mail has {len(mail.data)} octets and the relay takes {offered.size}", code="size"
        )
    options = f" SIZE={len(mail.data)}" if offered.takes_size else ""
    if mail.smtputf8:
        options += " BODY=8BITMIME SMTPUTF8"
    return [
        *([(Phase.RESET, b"RSET\r\n")] if connection.needs_reset else ()),
        (Phase.SENDER, f"MAIL FROM:<{mail.sender}>{options}\r\n".encode()),
        (Phase.RECIPIENT, f"RCPT TO:<{mail.recipient}>\r\n".encode()),
        (Phase.DATA, b"DATA\r\n"),
    ]


async def _envelope(connection: SmtpConnection, steps: list[Step]) -> None:
    """Bring the relay to wait for the body. What goes wrong here has surely not left."""
    connection.mails += 1
    replies, lost = await _ask(connection, steps)
    refused = next(
        (
            (phase, reply)
            for (phase, _), reply in zip(steps, replies, strict=False)
            if not _goes_on(phase, reply)
        ),
        None,
    )
    if refused is None and lost is None:
        connection.needs_reset = False
        return
    closing = lost is not None or any(reply.code == _CLOSING for reply in replies)
    about_session = refused is None or refused[1].code == _CLOSING or refused[0] is Phase.RESET
    if connection.rested and about_session:
        raise StaleConnection("the relay had ended an idle session", code="connection") from lost
    if refused is None:
        why = lost.why if lost else "the relay hung up"
        raise TransientSendError(f"{why} before the mail was to leave", code="connection") from lost
    # A relay that asks for the body all the same must not get a next command for one.
    connection.at_rest = not closing and replies[-1].code != _SEND_THE_BODY
    connection.needs_reset = True
    raise refusal(*refused)


async def _ask(
    connection: SmtpConnection, steps: list[Step]
) -> tuple[tuple[Reply, ...], ConnectionLost | None]:
    """The replies to `steps`: to all if the relay pipelines, else up to the first refusal."""
    replies: tuple[Reply, ...] = ()
    try:
        if connection.extensions.pipelining:
            return await connection.exchange(b"".join([o for _, o in steps]), len(steps)), None
        for phase, octets in steps:
            replies += await connection.exchange(octets, 1)
            if not _goes_on(phase, replies[-1]):
                break
    except ConnectionLost as lost:
        return replies + lost.replies, lost
    return replies, None


def _goes_on(phase: Phase, reply: Reply) -> bool:
    if phase is Phase.DATA:
        return reply.code == _SEND_THE_BODY
    return 200 <= reply.code < 300


async def _body(connection: SmtpConnection, mail: Mail) -> Reply:
    stuffed = mail.data.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    try:
        (reply,) = await connection.exchange(stuffed, 1)
    except ConnectionLost as lost:
        raise AmbiguousSendError(f"{lost.why} after the mail had left", code="connection") from lost
    except asyncio.CancelledError as cancelled:
        raise AmbiguousSendError(
            "interrupted after the mail had left", code="interrupted"
        ) from cancelled
    if 300 <= reply.code < 400:
        raise AmbiguousSendError("the relay answered the mail out of turn", code=str(reply.code))
    connection.at_rest = reply.code != _CLOSING
    if reply.code >= 400:
        raise refusal(Phase.MAIL, reply)
    return reply
