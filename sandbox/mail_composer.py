"""Mails that people write by hand."""

import binascii
import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Literal, NamedTuple

from sandbox.draw import Draw
from sandbox.mail_reader import ReceivedMail

Mood = Literal["positive", "negative", "stop"]
Language = Literal["en", "fr"]

LONGEST_QUOTE = 4_000

_ANSWERS: dict[tuple[Mood, Language], Sequence[str]] = {
    ("positive", "en"): (
        "Hi,\n\nThis is good timing, we are looking into this right now. Could you call me on "
        "Thursday afternoon?\n\nBest,\n{name}",
        "Thanks for reaching out. Yes, I'd like to know more. What does pricing look like for a "
        "team of 40?\n\n{name}",
        "Sure, let's talk. Tuesday at 10 works for me.\n\n{name}",
    ),
    ("positive", "fr"): (
        "Bonjour,\n\nVotre message tombe bien, nous étudions justement la question. Pouvez-vous "
        "m'appeler jeudi après-midi ?\n\nCordialement,\n{name}",
        "Bonjour, oui, cela m'intéresse. Pourriez-vous m'envoyer vos tarifs ?\n\n{name}",
    ),
    ("negative", "en"): (
        "Hello,\n\nThank you, but we already have a solution and are happy with it.\n\n"
        "Kind regards\n{name}",
        "Not a priority for us this year, sorry.\n\n{name}",
        "Hi, I'm not the right person for this.\n\n{name}",
    ),
    ("negative", "fr"): (
        "Bonjour,\n\nMerci, mais nous sommes déjà équipés.\n\nBien à vous,\n{name}",
        "Bonjour, ce n'est pas d'actualité pour nous cette année. Désolée.\n\n{name}",
    ),
    ("stop", "en"): (
        "Please stop emailing me.",
        "Please remove me from your list. I did not ask for this.\n\n{name}",
        "Not interested. Do not contact me again.",
    ),
    ("stop", "fr"): (
        "Merci de ne plus me contacter.",
        "Veuillez me retirer de votre liste de diffusion, s'il vous plaît.\n\n{name}",
    ),
}

_DAYS_FR = ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim.")
_MONTHS_FR = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.",
              "nov.", "déc.")  # fmt: skip


class OutgoingMail(NamedTuple):
    """One mail to be delivered, with its envelope. An empty sender is the null reverse-path."""

    sender: str
    recipient: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The person who writes."""

    address: str
    name: str
    language: Language


def author_of(address: str, mail: ReceivedMail) -> Author:
    """Return who answers a mail to `address`: the name it used, else one out of the address."""
    local, _, domain = address.partition("@")
    name = mail.to_name or " ".join(w.capitalize() for w in local.replace("_", ".").split("."))
    return Author(address=address, name=name, language="fr" if domain.endswith(".fr") else "en")


def compose_reply(
    author: Author, mail: ReceivedMail, mood: Mood, now: datetime, draw: Draw
) -> OutgoingMail:
    """Return an answer to a mail, quoted in the way of one of four mail programs."""
    answer = draw.choice(_ANSWERS[(mood, author.language)]).format(name=author.name)
    shape = draw.choice(("gmail", "outlook", "iphone", "thunderbird"))
    if shape == "outlook":
        text = f"{answer}\n\n{_outlook_head(author, mail)}\n\n{_quoted(mail)}"
    elif shape == "iphone":
        signature = "Envoyé de mon iPhone" if author.language == "fr" else "Sent from my iPhone"
        text = f"{answer}\n\n{signature}\n\n> {_wrote(author, mail, now)}\n> \n{_marked(mail)}"
    else:
        text = f"{answer}\n\n{_wrote(author, mail, now)}\n{_marked(mail)}"
    boundary = f"=_{draw.token()}{draw.token()}"
    headers = common_headers(author, mail.reply_address, _re(mail.subject), now, draw)
    headers += threading_headers(mail)
    if shape in ("gmail", "outlook"):
        markup = _reply_html(answer, author, mail, now)
        headers.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
        body = (
            f"--{boundary}\r\n{text_part('plain', text)}\r\n"
            f"--{boundary}\r\n{text_part('html', markup)}\r\n--{boundary}--\r\n"
        )
        data = "\r\n".join(headers) + "\r\n\r\n" + body
    else:
        data = "\r\n".join(headers) + "\r\n" + text_part("plain", text)
    return OutgoingMail(author.address, mail.reply_address, data.encode())


def compose_unsubscribe(
    author: Author, to: str, subject: str, now: datetime, draw: Draw
) -> OutgoingMail:
    """Return the mail that a mail program sends to a mailto List-Unsubscribe (RFC 2369)."""
    headers = common_headers(author, to, encoded_words(subject), now, draw)
    data = "\r\n".join(headers) + "\r\n" + text_part("plain", "")
    return OutgoingMail(author.address, to, data.encode())


def common_headers(author: Author, to: str, subject: str, now: datetime, draw: Draw) -> list[str]:
    """Return the headers that every mail of a person has."""
    domain = author.address.rpartition("@")[2]
    return [
        f"From: {_mailbox(author)}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{draw.token()}.{int(now.timestamp() * 1_000_000):x}@{domain}>",
        "MIME-Version: 1.0",
    ]


def threading_headers(mail: ReceivedMail) -> list[str]:
    """Return In-Reply-To and References (RFC 5322, 3.6.4)."""
    if not mail.message_id:
        return []
    references = " ".join((mail.headers.get("references", ""), mail.message_id)).split()
    folded = "\r\n ".join(references[-10:])
    return [f"In-Reply-To: {mail.message_id}", f"References: {folded}"]


def _mailbox(author: Author) -> str:
    if author.address.isascii():
        return formataddr((author.name, author.address))
    name = author.name.replace('"', "'")
    return f'"{name}" <{author.address}>'  # SMTPUTF8 (RFC 6532)


def encoded_words(text: str) -> str:
    """Return text as a header may hold it (RFC 2047)."""
    return text if text.isascii() else Header(text, "utf-8").encode(linesep="\r\n")


def _re(subject: str) -> str:
    return subject if subject[:3].lower() == "re:" else f"Re: {subject}"


def text_part(subtype: str, text: str) -> str:
    """Return a text entity in quoted-printable: its headers, an empty line, its content."""
    lines = text.replace("\r\n", "\n").replace("\n", "\r\n")
    content = binascii.b2a_qp(lines.encode("utf-8", "replace")).decode()
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{content}"
    )


def _quoted(mail: ReceivedMail) -> str:
    return mail.text[:LONGEST_QUOTE].replace("\r\n", "\n").rstrip()


def _marked(mail: ReceivedMail) -> str:
    return "\n".join(f"> {line}".rstrip() for line in _quoted(mail).split("\n"))


def _wrote(author: Author, mail: ReceivedMail, now: datetime) -> str:
    sender = f"{mail.from_name} <{mail.from_address}>".strip()
    if author.language == "fr":
        day = f"{_DAYS_FR[now.weekday()]} {now.day} {_MONTHS_FR[now.month - 1]} {now.year}"
        return f"Le {day} à {now:%H:%M}, {sender} a écrit :"
    return f"On {now:%a, %b} {now.day}, {now:%Y at %H:%M}, {sender} wrote:"


def _outlook_head(author: Author, mail: ReceivedMail) -> str:
    labels = ("De", "Envoyé", "À", "Objet") if author.language == "fr" else (
        "From", "Sent", "To", "Subject")  # fmt: skip
    values = (
        f"{mail.from_name} <{mail.from_address}>",
        mail.headers.get("date", ""),
        f"{author.name} <{author.address}>",
        mail.subject_text,
    )
    lines = [f"{label}: {value}" for label, value in zip(labels, values, strict=True)]
    return "\n".join(["_" * 32, *lines])


def _reply_html(answer: str, author: Author, mail: ReceivedMail, now: datetime) -> str:
    said = html.escape(answer).replace("\n", "<br>")
    quoted = html.escape(_quoted(mail)).replace("\n", "<br>")
    return (
        f'<div dir="ltr">{said}</div><br><div class="gmail_quote">'
        f'<div dir="ltr" class="gmail_attr">{html.escape(_wrote(author, mail, now))}<br></div>'
        f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;'
        f'padding-left:1ex">{quoted}</blockquote></div>'
    )
