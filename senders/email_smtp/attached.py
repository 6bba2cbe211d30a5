"""The parts of a mail that are files: built by the standard library, kept for the next mail.

A mail without attachments never comes here. One with them is its text and
HTML as always, and behind it these parts, in a `multipart/mixed` (RFC 2046
§5.1.3).
"""

from collections.abc import Sequence
from email.message import MIMEPart
from email.policy import SMTP
from functools import lru_cache

from cadenza.errors import PermanentSendError
from cadenza.model import Attachment

MOST_OCTETS = 7 * 1024 * 1024
"""Of all files of one mail: in base64 just under the 10 MiB that every large provider takes."""

_MOST_REMEMBERED = 32
# Parts are pure ASCII: no relay needs 8BITMIME for them.
_POLICY = SMTP.clone(cte_type="7bit")


def check_attachments(attachments: Sequence[Attachment]) -> None:
    """Raise PermanentSendError for what cannot be sent: too large, or not the name of a file."""
    if sum(len(attachment.content) for attachment in attachments) > MOST_OCTETS:
        raise PermanentSendError(
            f"the attachments are larger than {MOST_OCTETS // 1024} KiB together",
            code="attachment",
        )
    for attachment in attachments:
        name = attachment.name
        if not name or not name.isprintable() or set(name) & {"/", "\\"} or len(name) > 200:
            raise PermanentSendError(
                "the name of an attachment is not that of a file", code="attachment"
            )


@lru_cache(maxsize=_MOST_REMEMBERED)
def attached_part(attachment: Attachment) -> bytes:
    """One file as a part, header and body, without boundaries; lines end with CRLF.

    Names beyond ASCII are written by RFC 2231. The same file goes to many
    people: base64 of it is made once.
    """
    part = MIMEPart(policy=_POLICY)
    kind, _, subtype = attachment.media_type.partition("/")
    try:
        part.set_content(
            attachment.content,
            maintype=kind,
            subtype=subtype,
            disposition="attachment",
            filename=attachment.name,
            cte="base64",
        )
    except ValueError as error:  # also UnicodeEncodeError, of half a surrogate pair in a name
        raise PermanentSendError(
            "the name or type of an attachment cannot be written", code="attachment"
        ) from error
    return part.as_bytes(policy=_POLICY)
