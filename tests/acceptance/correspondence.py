"""A month of the shipped cadence by mail, to people with difficult names."""

import email
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import cadences
from cadenza.accounts import Accounts
from cadenza.by_hand.tasking import complete_task
from cadenza.language.loader import read_sources
from cadenza.links import LinkSigner
from cadenza.model import TouchId
from sandbox.ledger import Received
from sandbox.main import Sandbox
from sandbox.settings import Rates, SandboxSettings, SmtpSettings
from senders.registry import sender_types
from tests.support.pipeline import Pipeline, pipeline

CADENCE = Path(cadences.__file__).parent / "ten-touch.yaml"
TEMPLATES = CADENCE.parent / "templates" / "ten-touch"
_CERTIFICATE = Path(__file__).parents[1] / "sandbox" / "localhost.pem"
_DAYS = 32

Person = Mapping[str, str]

LIQUID = "liquid@hostile.example"

PEOPLE: Sequence[Person] = (
    {
        "email": "zoe@creperie.example",
        "first_name": "Zoë",
        "last_name": "Nuñez-Łoś",
        "company": "Crêperie d’Été à Besançon",
        "title": "Gérante",
    },
    {
        "email": "alex@trofima.example",
        "first_name": "Αλέξανδρος",
        "last_name": "Παπαδόπουλος",
        "company": "Ελληνικά Τρόφιμα Α.Ε.",
        "title": "Διευθυντής Εφοδιασμού",
    },
    {"email": "fox@rockets.example", "first_name": "Ada 🦊", "company": "🚀 Rockets & 👩‍🚀 Crews"},
    {"email": "mohamed@example.com", "first_name": "محمد", "company": "株式会社山田製作所"},
    {
        "email": "bob@quotes.example",
        "first_name": 'Robert "Bob"',
        "last_name": "O'Brien, Jr. (CEO) <boss@quotes.example>",
        "company": 'Smith & Sons "The <Best>"',
        "title": "C.O.O. \\ Partner",
    },
    {
        "email": "script@hostile.example",
        "first_name": "<script>alert(1)</script>",
        "last_name": "</p></body><img src=x onerror=alert(1)>",
        "company": '"><a href="https://evil.example/">Win</a>',
        "title": "<style>*{display:none}</style>",
    },
    {
        "email": "attribute@hostile.example",
        "first_name": 'href="https://evil.example/"',
        "company": "[free](https://evil.example/) https://evil.example/x &amp; &#60;b&#62;",
    },
    {
        "email": "words@hostile.example",
        "first_name": "=?utf-8?q?Eve?=",
        "company": "=?utf-8?b?RXZl?=",
    },
    {
        "email": "long@example.com",
        "first_name": "Élodie-" * 12 + "Anne",
        "company": ("Ünï " * 30).strip(),
    },
    {"email": "info@bücher.example", "first_name": "Jörg"},
    {"email": "plain@example.com", "first_name": "Ann", "company": "Acme"},
    {"email": "dots@example.com", "first_name": "Dot", "company": ".\n.\n..\n.dotted"},
    {
        "email": "lines@hostile.example",
        "first_name": "Eve\r\nBcc: victim@hostile.example",
        "last_name": "X\nSubject: y\x0b\x1b\x85\u2028z",
        "company": "Evil\n\nInc\r\nX-Injected: yes\r\n.\r\nMAIL FROM:<x@hostile.example>",
    },
    {"email": LIQUID, "first_name": "{{ owner.email }}", "company": "{% raw %}"},
)
"""Members of enrollment rows. None of them has a phone or a profile: everything goes by mail."""

OWNERS = (
    {
        "id": "yuko",
        "name": "Yūko Ōtsuki",
        "email": "yuko@reps.example",
        "signature": "Bien à vous,\nYūko Ōtsuki\nLarkspur · +81 40 1000 6293",
    },
    {"id": "marcus", "name": 'Marcus "Mac" Whitlock & Co', "email": "marcus@reps.example"},
)


@dataclass(frozen=True, kw_only=True)
class Touch:
    """What the ledger says of one mail."""

    touch_id: TouchId
    step: str
    recipient: str
    message_id: str
    began_at: datetime
    owner: Mapping[str, str]
    account: str


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail as the other side got it. person: whom it is for, as they were enrolled."""

    raw: bytes
    envelope_from: str
    envelope_to: str
    message: EmailMessage
    touch: Touch
    person: Person

    def __str__(self) -> str:
        return f"{self.touch.step} to {self.touch.recipient}"

    def part(self, kind: str) -> str:
        """The text of `plain` or `html`, with `\\n` at the ends of lines."""
        body = self.message.get_body((kind,))
        assert body is not None
        text = body.get_content()
        assert isinstance(text, str)
        return text.replace("\r\n", "\n")


@dataclass(frozen=True, kw_only=True)
class Correspondence:
    """All mails of the month in the order in which they arrived, and who can read their tokens."""

    mails: Sequence[Mail]
    signer: LinkSigner
    accounts: Accounts
    statuses: Mapping[str, int]

    def to(self, address: str) -> Sequence[Mail]:
        """One person's mails."""
        return [mail for mail in self.mails if mail.touch.recipient == address]


async def correspond(
    database_url: str,
    redis_url: str,
    folder: Path,
    people: Sequence[Person] = PEOPLE,
) -> Correspondence:
    """Run the cadence for `people` to its end, over STARTTLS and AUTH.

    Every second one of them takes the first call that they get. folder: for
    what the other side receives; `password` in it is the relay's.
    """
    sandbox = Sandbox(_world(folder))
    await sandbox.start()
    try:
        accounts = _accounts(sandbox.ports["smtp"], folder / "password")
        async with pipeline(
            database_url,
            redis_url,
            file=accounts,
            sources=read_sources(CADENCE),
            sender_types=sender_types(),
        ) as line:
            await _enroll(line, people)
            for _ in range(_DAYS):
                await line.run(days=1)
                await _take_calls(line, [person["email"] for person in people[1::2]])
            return await _collected(line, sandbox, folder, people)
    finally:
        await sandbox.close()


def _world(folder: Path) -> SandboxSettings:
    nobody_reacts = Rates(**dict.fromkeys(Rates.model_fields, 0.0))
    smtp = SmtpSettings(
        hostname="localhost",
        accounts={"larkspur": (folder / "password").read_text(encoding="utf-8")},
        tls_cert=_CERTIFICATE,
        rep_domains=["reps.example"],
        keep_mails=1000,
    )
    return SandboxSettings(var_dir=folder, smtp=smtp, rates=nobody_reacts)


def _accounts(port: int, password_file: Path) -> Accounts:
    def mailbox(owner: str, address: str, name: str) -> Mapping[str, Any]:
        return {
            "id": f"mail-{owner}",
            "channel": "email",
            "provider": "smtp",
            "address": address,
            "name": name,
            "group": "outreach",
            "owner": owner,
            "limits": {"per_day": 1000, "min_gap": "none"},
            "settings": {
                "host": "localhost",
                "port": port,
                "username": "larkspur",
                "connections": 3,
                "ca_file": str(_CERTIFICATE),
            },
            "secrets": {"password": {"file": str(password_file)}},
        }

    return Accounts.model_validate(
        {
            "organisation": {
                "name": "Larkspur & Søn",
                "postal_address": "3 quai de l’Étoile\n35499 Port-Lumière\nFrance",
            },
            "owners": OWNERS,
            "accounts": [
                mailbox("yuko", "yuko@larkspur.example", "Yūko Ōtsuki"),
                mailbox("marcus", "marcus@hello-larkspur.example", 'Whitlock, Marcus "Mac"'),
            ],
        }
    )


async def _enroll(line: Pipeline, people: Sequence[Person]) -> None:
    rows = [
        {"country": "FR", "owner": OWNERS[n % 2]["id"], **person} for n, person in enumerate(people)
    ]
    document = {"key": "people", "cadence": "ten-touch", "prospects": rows}
    receipt = await line.enroller.enroll(json.dumps(document).encode())
    assert receipt.accepted == len(people)


async def _take_calls(line: Pipeline, takers: Sequence[str]) -> None:
    waiting = await line.rows(
        """select t.id from task t join enrollment e on e.id = t.enrollment_id
        join prospect p on p.id = e.prospect_id
        where t.state = 'open' and p.email = any($1::text[])""",
        takers,
    )
    for (task_id,) in waiting:
        async with line.database.transaction() as tx:
            await complete_task(tx, task_id, "connected", "", clock=line.clock)


async def _collected(
    line: Pipeline, sandbox: Sandbox, folder: Path, people: Sequence[Person]
) -> Correspondence:
    arrived = [row for row in sandbox.ledger.after(0, 10_000) if isinstance(row, Received)]
    arrived = [row for row in arrived if row.channel == "email"]
    files = sorted((folder / "mails").glob("*.eml"))
    assert len(files) == len(arrived)
    touches = await _touches(line)
    by_address = {person["email"]: person for person in people}
    mails = []
    for row, file in zip(arrived, files, strict=True):
        raw = file.read_bytes()
        message = email.message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        touch = touches[row.key]
        mails.append(
            Mail(
                raw=raw,
                envelope_from=row.sender,
                envelope_to=row.to,
                message=message,
                touch=touch,
                person=by_address[touch.recipient],
            )
        )
    statuses = dict(await line.rows("select status, count(*) from touch group by 1"))
    return Correspondence(
        mails=mails, signer=line.links.signer, accounts=line.accounts, statuses=statuses
    )


async def _touches(line: Pipeline) -> Mapping[str, Touch]:
    owners = {owner["id"]: owner for owner in OWNERS}
    rows = await line.rows(
        """select t.id, t.step, t.recipient, t.provider_id, t.began_at, p.owner_id, t.account
        from touch t join prospect p on p.id = t.prospect_id where t.status = 'sent'"""
    )
    return {
        message_id: Touch(
            touch_id=touch_id,
            step=step,
            recipient=recipient,
            message_id=message_id,
            began_at=began_at,
            owner=owners[owner_id],
            account=account,
        )
        for touch_id, step, recipient, message_id, began_at, owner_id, account in rows
    }
