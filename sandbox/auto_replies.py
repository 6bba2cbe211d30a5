"""Mails that mail programs write for people who are away."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sandbox.draw import Draw
from sandbox.mail_composer import (
    Author,
    Language,
    OutgoingMail,
    common_headers,
    encoded_words,
    text_part,
    threading_headers,
)
from sandbox.mail_reader import ReceivedMail


class _Absence(NamedTuple):
    """One way in which absence announces itself. `to_return_path`: RFC 3834, 4; else From."""

    subject: str
    headers: tuple[str, ...]
    text: str
    language: Language
    to_return_path: bool
    null_sender: bool


_ABSENCES = (
    _Absence(  # Exchange
        "Automatic reply: {subject}",
        (
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            "X-MS-Exchange-Inbox-Rules-Loop: {address}",
        ),
        "Thank you for your message.\n\nI am out of the office until {back} with limited access to "
        "email. For urgent matters please contact my colleagues.\n\nKind regards,\n{name}",
        "en",
        to_return_path=False,
        null_sender=True,
    ),
    _Absence(  # Gmail
        "Out of office Re: {subject}",
        ("Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes"),
        "Hi, I'm on vacation until {back} and will answer when I'm back.\n\n{name}",
        "en",
        to_return_path=True,
        null_sender=False,
    ),
    _Absence(  # Dovecot's vacation (RFC 5230)
        "Auto: {subject}",
        ("Auto-Submitted: auto-replied (vacation)", "Precedence: bulk"),
        "I am away until {back}. Your mail will be read when I return.",
        "en",
        to_return_path=True,
        null_sender=True,
    ),
    _Absence(  # Notes; says nothing but this in its headers
        "AUTO: {name} is out of the office (returning {back})",
        ("Auto-Submitted: auto-generated",),
        "I am out of the office until {back}.\n\nNote: This is an automated response to your "
        "message sent today. This is the only notification you will receive while this person is "
        "away.",
        "en",
        to_return_path=False,
        null_sender=True,
    ),
    _Absence(  # a mail program's rule, before RFC 3834: only the subject tells
        "Out of Office",
        ("Precedence: auto_reply", "X-Autorespond: Out of Office"),
        "Hello,\n\nI'm travelling and back on {back}.\n\n{name}",
        "en",
        to_return_path=False,
        null_sender=False,
    ),
    _Absence(  # Exchange in French
        "Réponse automatique : {subject}",
        ("Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All"),
        "Bonjour,\n\nJe suis absent(e) du bureau jusqu'au {back} et je consulterai mes messages à "
        "mon retour. En cas d'urgence, merci de contacter le standard.\n\nCordialement,\n{name}",
        "fr",
        to_return_path=False,
        null_sender=True,
    ),
    _Absence(
        "Absence du bureau Re : {subject}",
        ("Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes"),
        "Bonjour, actuellement en congés, je serai de retour le {back}.\n\n{name}",
        "fr",
        to_return_path=True,
        null_sender=True,
    ),
)


def compose_absence(
    author: Author, mail: ReceivedMail, now: datetime, draw: Draw
) -> OutgoingMail | None:
    """Return an automatic answer in one of seven real shapes; None when nobody may be answered.

    Mails with the null reverse-path and automatic mails are never answered (RFC 3834, 2).
    """
    if not mail.envelope_from or mail.is_automatic:
        return None
    shapes = [shape for shape in _ABSENCES if shape.language == author.language]
    shape = draw.choice(shapes)
    day = now + timedelta(days=1 + int(draw.uniform() * 12))
    back = day.strftime("%d/%m/%Y" if author.language == "fr" else "%B %d, %Y")
    fields = {"name": author.name, "address": author.address, "back": back}
    subject = shape.subject.format(subject=mail.subject_text, **fields)
    to = mail.envelope_from if shape.to_return_path else mail.from_address
    headers = common_headers(author, to, encoded_words(subject), now, draw) + threading_headers(
        mail
    )
    headers += [header.format(**fields) for header in shape.headers]
    data = "\r\n".join(headers) + "\r\n" + text_part("plain", shape.text.format(**fields))
    return OutgoingMail("" if shape.null_sender else author.address, to, data.encode())
