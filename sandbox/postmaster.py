"""What happens to a mail at the door: refused, kept for a rep, or handed to a person."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sandbox.behaviour import Behaviour
from sandbox.ledger import Ledger
from sandbox.mail_reader import ReceivedMail

HARD_REFUSALS = (
    "550 5.1.1 <{}>: Recipient address rejected: User unknown in virtual mailbox table",
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
    "550 5.1.1 double-checking the recipient's email address for typos or unnecessary spaces.",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
)
GREYLISTED = "451 4.7.1 <{}>: Recipient address rejected: Greylisted, please try again later"


class Envelope(NamedTuple):
    """One mail that came in whole."""

    user: str
    """Who authenticated; nothing when nobody had to."""
    sender: str
    recipients: tuple[str, ...]
    data: bytes


class Postmaster:
    """Decides about recipients and mails, and writes both down."""

    def __init__(
        self,
        ledger: Ledger,
        behaviour: Behaviour,
        *,
        rep_domains: frozenset[str],
        var_dir: Path,
        keep_mails: int,
    ) -> None:
        self._ledger = ledger
        self._behaviour = behaviour
        self._rep_domains = rep_domains
        self._mailboxes = var_dir / "mailboxes"
        self._samples = var_dir / "mails"
        self._samples_left = keep_mails
        self._names = itertools.count(1)
        self._tried: set[tuple[str, str]] = set()
        self.on_mail: Callable[[str, ReceivedMail], None] = lambda _address, _mail: None
        """Called for every mail that reached a person who is not a rep."""

    def is_rep(self, address: str) -> bool:
        """Return whether the address is in one of the reps' domains."""
        return address.rpartition("@")[2].lower() in self._rep_domains

    def refuse_recipient(self, user: str, sender: str, recipient: str) -> str | None:
        """Return the answer that refuses this recipient, or None."""
        if self.is_rep(recipient):
            return None
        answer = self._refusal(sender, recipient)
        if answer is not None:
            self._ledger.received(
                "email",
                account=user or sender,
                sender=sender,
                to=recipient.lower(),
                rejected=answer,
            )
        return answer

    def _refusal(self, sender: str, recipient: str) -> str | None:
        pair = (sender.lower(), recipient.lower())
        refusal = self._behaviour.refuses_mail(recipient, tried=pair in self._tried)
        if refusal == "hard":
            return HARD_REFUSALS[len(recipient) % len(HARD_REFUSALS)].format(recipient)
        if refusal == "soft":
            self._tried.add(pair)
            return GREYLISTED.format(recipient)
        return None

    def take(self, envelope: Envelope, *, note: str | None) -> None:
        """Keep the mail; from now on it counts as delivered.

        `note` says what was unusual about the answer to it.
        """
        mail = ReceivedMail(envelope.data, envelope_from=envelope.sender)
        for recipient in envelope.recipients:
            address = recipient.lower()
            self._write_down(envelope, mail, address, note=note)
            if self.is_rep(address):
                self.deliver_to_rep(address, envelope.data)
            else:
                self._keep_sample(envelope.data)
                self.on_mail(address, mail)

    def refuse(self, envelope: Envelope, answer: str) -> None:
        """Remember that the mail was refused after its content had come in."""
        mail = ReceivedMail(envelope.data, envelope_from=envelope.sender)
        for recipient in envelope.recipients:
            self._write_down(envelope, mail, recipient.lower(), rejected=answer)

    def deliver_to_rep(self, address: str, data: bytes) -> None:
        """Put a mail into a rep's mailbox, a folder in Maildir form under the var folder."""
        box = self._mailboxes / quote(address, safe="@+-_.")[:200]
        for name in ("new", "cur", "tmp"):
            (box / name).mkdir(parents=True, exist_ok=True)
        name = f"{next(self._names):08d}.eml"
        (box / "tmp" / name).write_bytes(data)
        (box / "tmp" / name).rename(box / "new" / name)

    def _write_down(
        self,
        envelope: Envelope,
        mail: ReceivedMail,
        address: str,
        *,
        rejected: str | None = None,
        note: str | None = None,
    ) -> None:
        self._ledger.received(
            "rep_mail" if self.is_rep(address) else "email",
            account=envelope.user or mail.from_address or envelope.sender,
            sender=envelope.sender,
            to=address,
            key=mail.message_id,
            digest=mail.digest,
            text_chars=len(mail.text),
            size=len(envelope.data),
            rejected=rejected,
            note=note,
        )

    def _keep_sample(self, data: bytes) -> None:
        if self._samples_left > 0:
            self._samples_left -= 1
            self._samples.mkdir(parents=True, exist_ok=True)
            (self._samples / f"{next(self._names):08d}.eml").write_bytes(data)
