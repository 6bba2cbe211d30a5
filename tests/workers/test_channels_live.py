"""Every channel through its real sender to the sandbox: what it saw is what the ledger says."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from cadenza.accounts import Accounts
from cadenza.language.attachments import encoded
from sandbox.main import Sandbox
from sandbox.settings import SandboxSettings
from senders.registry import sender_types
from tests.support.pipeline import Pipeline, pipeline

WEBHOOK_SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"

EVERYTHING: Mapping[str, str] = {
    "all.yaml": """
cadence: all
objective: goal
days: calendar
from: {email: outreach, social: outreach, webhook: crm}
steps:
  - step: look
    social: view
  - step: keep-up
    social: follow
  - step: note
    social: inmail
    subject: "A word, {{ prospect.first_name }}"
    text: "Hello {{ prospect.first_name }}."
  - step: mail
    email: mail
    attach: ["guide.pdf", "{{ subject.kind }}.pdf"]
  - step: tell
    webhook: lead.contacted
    fields: {email: "{{ prospect.email }}", kind: "{{ subject.kind }}"}
  - step: done
    end: no_response
""",
    "templates/mail.liquid": '---\nsubject: "Guide"\n---\nDear {{ prospect.first_name }}.\n',
    "templates/mail.fr.liquid": '---\nsubject: "Le guide"\n---\nBonjour.\n',
    "attachments/guide.pdf": encoded(b"%PDF guide"),
    "attachments/claim.pdf": encoded(b"%PDF claim"),
    "attachments/order.pdf": encoded(b"%PDF order"),
}


@dataclass
class Live:
    line: Pipeline
    sandbox: Sandbox
    folder: Path

    def witnessed(self) -> list[dict[str, Any]]:
        return [row.document() for row in self.sandbox.ledger.after(0, 100)]

    def mail(self) -> EmailMessage:
        (kept,) = self.folder.rglob("mails/*.eml")
        message = message_from_bytes(kept.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        return message


def file(ports: Mapping[str, int]) -> Accounts:
    common = {"group": "outreach", "limits": {"per_day": 1000, "min_gap": "0 seconds"}}
    return Accounts.model_validate(
        {
            "organisation": {"name": "Northwind", "postal_address": "1 Quay Street"},
            "owners": [{"id": "anna", "name": "Anna", "email": "anna@reps.example"}],
            "accounts": [
                {
                    "id": "mail",
                    "channel": "email",
                    "provider": "smtp",
                    "address": "anna@send.example",
                    "settings": {"host": "127.0.0.1", "port": ports["smtp"], "tls": "none"},
                    **common,
                },
                {
                    "id": "linkedin",
                    "channel": "social",
                    "provider": "unipile",
                    "address": "acc-1",
                    "settings": {"api_base": f"http://127.0.0.1:{ports['social']}"},
                    "secrets": {"api_key": {"env": "TEST_SOCIAL_KEY"}},
                    **common,
                },
                {
                    "id": "crm",
                    "channel": "webhook",
                    "provider": "http",
                    "address": f"http://127.0.0.1:{ports['webhook']}/hooks/s3cret",
                    "settings": {"allow_http": True},
                    "secrets": {"signing": {"env": "TEST_WEBHOOK_SECRET"}},
                    **common,
                    "group": "crm",
                },
            ],
        }
    )


@pytest.fixture
async def live(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Live]:
    monkeypatch.setenv("TEST_SOCIAL_KEY", "key")
    monkeypatch.setenv("TEST_WEBHOOK_SECRET", WEBHOOK_SECRET)
    sandbox = Sandbox(
        SandboxSettings.model_validate(
            {
                "var_dir": str(tmp_path),
                "smtp": {"keep_mails": 5},
                "social": {"api_key": "key", "accounts": {"acc-1": "Anna"}},
                "webhook": {"secret": WEBHOOK_SECRET},
                "overrides": {"zoe@example.com": {"persona": "silent"}},
            }
        )
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.close)
        await sandbox.start()
        line = await stack.enter_async_context(
            pipeline(
                database_url,
                redis_url,
                file=file(sandbox.ports),
                sources=EVERYTHING,
                sender_types=sender_types(),
            )
        )
        yield Live(line=line, sandbox=sandbox, folder=tmp_path)


async def test_every_channel_reaches_its_provider_once(live: Live) -> None:
    line = live.line
    await line.enroll(
        email="zoe@example.com",
        linkedin="zoe-martin",
        locale="fr-CA",
        subject={"id": "C-1", "kind": "claim"},
    )
    await line.run(days=5)
    ours = await line.rows(
        "select step, channel, recipient, status, provider_id from touch order by id"
    )
    assert [(step, status) for step, _, _, status, _ in ours] == [
        (step, "sent") for step in ("look", "keep-up", "note", "mail", "tell")
    ]
    rows = live.witnessed()
    assert [(row["channel"], row["note"]) for row in rows] == [
        ("social", "visit"),
        ("social", "follow"),
        ("social", "inmail"),
        ("email", None),
        ("webhook", "lead.contacted"),
    ]
    assert [row["key"] for row in rows] == [provider_id for *_, provider_id in ours]
    assert live.sandbox.ledger.rejected == {}
    assert live.sandbox.ledger.duplicates == []
    # The address of a webhook may hold a secret: the ledger knows its host alone.
    assert ours[-1][2] == "127.0.0.1"


async def test_a_mail_carries_the_files_that_a_field_chose(live: Live) -> None:
    await live.line.enroll(
        email="zoe@example.com", locale="fr", subject={"id": "C-1", "kind": "order"}
    )
    await live.line.run(days=5)
    message = live.mail()
    assert message["Subject"] == "Le guide"
    assert [part.get_filename() for part in message.iter_attachments()] == [
        "guide.pdf",
        "order.pdf",
    ]


async def test_a_mail_whose_file_is_not_there_is_held_with_the_reason(live: Live) -> None:
    await live.line.enroll(email="zoe@example.com", subject={"id": "C-1", "kind": "letter"})
    await live.line.run(days=5)
    ((status, reason),) = await live.line.rows("select status, reason from enrollment")
    assert status == "paused"
    assert "there is no attachment 'letter.pdf'" in reason


async def test_a_webhook_whose_answer_is_lost_is_told_again_and_taken_once(live: Live) -> None:
    await live.line.enroll(email="zoe@example.com", subject={"id": "C-1", "kind": "claim"})
    live.sandbox.faults.http.drop_after_request = 1
    await live.line.run(days=5)
    notes = [row["note"] for row in live.witnessed() if row["channel"] == "webhook"]
    assert notes == ["lead.contacted", "lead.contacted repeated"]
    assert await live.line.rows("select status from touch where channel = 'webhook'") == [("sent",)]
    assert await live.line.value("select outcome from enrollment") == "no_response"
