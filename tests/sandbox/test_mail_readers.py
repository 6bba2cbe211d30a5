"""What people do about mails, seen from where Cadenza stands."""

from collections import Counter
from typing import Any

import aiosmtplib
import pytest

from sandbox.ledger import Action
from sandbox.mail_reader import ReceivedMail
from sandbox.main import Sandbox
from sandbox.recipients.mail import MailReaders
from tests.sandbox.conftest import Begin
from tests.sandbox.world import ClockFile, Gateway, Hit, Inbound, make_mail, send_mail, settle

PERSON = "jean@customer.example"


def as_persona(persona: str, inbound: Inbound | None = None, **more: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"overrides": {PERSON: {"persona": persona}}, **more}
    if inbound is not None:
        settings["outbox"] = {"port": inbound.port}
    return settings


def actions(sandbox: Sandbox) -> list[Action]:
    return [row for row in sandbox.ledger.after(0, 100_000) if isinstance(row, Action)]


async def test_an_opener_loads_the_images_several_times(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(**as_persona("opens"))
    for number in range(20):
        mail = make_mail(PERSON, gateway=gateway.url, text=f"text {number}")
        await send_mail(sandbox, mail)
    await settle(sandbox, clock)
    assert {(hit.method, hit.path) for hit in gateway.hits} == {("GET", "/o/pixel.gif")}
    assert 20 < len(gateway.hits) < 80
    assert sandbox.ledger.actions == {"opened": len(gateway.hits)}
    assert "Mozilla/5.0" in gateway.hits[0].headers["user-agent"]


async def test_a_clicker_follows_one_link_after_opening_and_no_redirect(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    def redirect(hit: Hit) -> tuple[int, dict[str, str], bytes]:
        if hit.path == "/c/link":
            return 302, {"location": f"{gateway.url}/landing"}, b""
        return 200, {"content-type": "image/gif"}, b"GIF89a"

    gateway.answer = redirect
    sandbox = await begin(**as_persona("clicks"))
    await send_mail(sandbox, make_mail(PERSON, gateway=gateway.url))
    await settle(sandbox, clock)
    (click,) = gateway.named("/c/link")
    assert click.query == "a=1&b=2"
    assert gateway.named("/landing") == []
    assert gateway.hits[0].path == "/o/pixel.gif"
    (row,) = [row for row in actions(sandbox) if row.action == "clicked"]
    assert (row.done, row.status, row.detail) == (True, "302", f"{gateway.url}/landing")
    assert row.key == "<touch-1@acme.example>"


async def test_nobody_fetches_anything_outside_the_world(begin: Begin, clock: ClockFile) -> None:
    sandbox = await begin(**as_persona("clicks"))
    await send_mail(sandbox, make_mail(PERSON, gateway="https://tracker.example"))
    assert sandbox.agenda.pending == 0


async def test_public_names_can_be_mapped_to_local_ports(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    hosts = {"go.acme.example": f"127.0.0.1:{gateway.port}"}
    sandbox = await begin(**as_persona("opens", web={"hosts": hosts}))
    await send_mail(sandbox, make_mail(PERSON, gateway="https://go.acme.example"))
    await settle(sandbox, clock)
    assert gateway.hits[0].headers["host"] == "go.acme.example"


async def test_unsubscribing_is_a_one_click_post(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(**as_persona("unsubscribes"))
    await send_mail(sandbox, make_mail(PERSON, gateway=gateway.url))
    await settle(sandbox, clock)
    (hit,) = gateway.hits
    assert (hit.method, hit.path, hit.body) == ("POST", "/u/tok", b"List-Unsubscribe=One-Click")
    assert hit.headers["content-type"] == "application/x-www-form-urlencoded"
    assert sandbox.ledger.actions == {"unsubscribed": 1}


async def test_without_one_click_people_unsubscribe_by_mail(
    begin: Begin, clock: ClockFile, gateway: Gateway, inbound: Inbound
) -> None:
    sandbox = await begin(**as_persona("unsubscribes", inbound))
    mail = make_mail(PERSON, gateway=gateway.url, List_Unsubscribe_Post="")
    await send_mail(sandbox, mail)
    await settle(sandbox, clock)
    assert gateway.hits == []
    ((sender, recipients, message),) = inbound.mails
    assert (sender, recipients) == (PERSON, ["leave@in.acme.example"])
    assert message["Subject"] == "leave"


@pytest.mark.parametrize("persona", ["replies_positive", "replies_negative", "asks_to_stop"])
async def test_a_reply_goes_to_reply_to_and_threads(
    begin: Begin, clock: ClockFile, inbound: Inbound, persona: str
) -> None:
    sandbox = await begin(**as_persona(persona, inbound))
    await send_mail(sandbox, make_mail(PERSON, References="<first@acme.example>"))
    await settle(sandbox, clock)
    ((sender, recipients, message),) = inbound.mails
    assert (sender, recipients) == (PERSON, ["reply+tok@in.acme.example"])
    assert message["In-Reply-To"] == "<touch-1@acme.example>"
    assert message["References"] == "<first@acme.example> <touch-1@acme.example>"
    assert message["Subject"] == "Re: A question about your déjeuner"
    assert message["From"].addresses[0].display_name == "Jean Dupont"
    body = message.get_body(preferencelist=("plain",))
    assert body is not None
    assert "could we talk?" in body.get_content()
    assert "auto-submitted" not in message
    mood = {"asks_to_stop": "stop"}.get(persona, persona.removeprefix("replies_"))
    assert sandbox.ledger.actions == {f"replied_{mood}": 1}


async def test_a_reply_to_a_rep_of_this_world_goes_into_their_mailbox(
    begin: Begin, clock: ClockFile
) -> None:
    settings = as_persona("replies_positive", smtp={"rep_domains": ["acme.example"]})
    sandbox = await begin(**settings)
    await send_mail(sandbox, make_mail(PERSON, Reply_To="anna@acme.example"))
    await settle(sandbox, clock)
    (stored,) = (sandbox.settings.var_dir / "mailboxes" / "anna@acme.example").rglob("*.eml")
    assert b"In-Reply-To: <touch-1@acme.example>" in stored.read_bytes()


async def test_the_absent_answer_automatically_to_the_sender(
    begin: Begin, clock: ClockFile, inbound: Inbound
) -> None:
    sandbox = await begin(**as_persona("out_of_office", inbound))
    for number in range(30):
        await send_mail(sandbox, make_mail(PERSON, text=f"text {number}"))
    await settle(sandbox, clock)
    assert sandbox.ledger.actions == {"auto_replied": 30}
    assert {to for _, (to,), _ in inbound.mails} == {"b+1@acme.example", "anna@acme.example"}
    assert {sender for sender, _, _ in inbound.mails} == {"", PERSON}
    subjects = {message["Subject"].split(" ")[0] for _, _, message in inbound.mails}
    assert subjects == {"Automatic", "Out", "Auto:", "AUTO:"}


async def test_nothing_automatic_is_answered_automatically(
    begin: Begin, clock: ClockFile, inbound: Inbound
) -> None:
    sandbox = await begin(**as_persona("out_of_office", inbound))
    await send_mail(sandbox, make_mail(PERSON, Auto_Submitted="auto-generated"))
    await send_mail(sandbox, make_mail(PERSON, text="other"), sender="")
    await settle(sandbox, clock)
    assert inbound.mails == []


async def test_hard_bounces_are_refused_at_once(begin: Begin) -> None:
    sandbox = await begin(**as_persona("hard_bounce"))
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused, match=r"5\.1\.1"):
        await send_mail(sandbox, make_mail(PERSON), to=PERSON.upper())
    (row,) = sandbox.ledger.after(0, 10)
    assert "550" in str(row.document()["rejected"])
    assert row.document()["to"] == PERSON


async def test_soft_bounces_are_refused_once_and_then_taken(begin: Begin) -> None:
    sandbox = await begin(**as_persona("soft_bounce"))
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused, match=r"4\.7\.1"):
        await send_mail(sandbox, make_mail(PERSON))
    await send_mail(sandbox, make_mail(PERSON))
    assert (sandbox.ledger.rejected, sandbox.ledger.accepted) == ({"email": 1}, {"email": 1})


async def run_month(
    begin: Begin, clock: ClockFile, gateway: Gateway, inbound: Inbound, order: list[int]
) -> tuple[Counter[tuple[str, str, str]], set[str]]:
    """Send 60 people 3 mails each, in the given order; return what they did and wrote."""
    gateway.hits.clear()
    inbound.mails.clear()
    # Nobody is refused in the session: whoever is greylisted loses whichever mail comes first.
    rates = {
        "reply": 0.2,
        "out_of_office": 0.2,
        "unsubscribe": 0.2,
        "hard_bounce": 0.2,
        "bounce_at_once": 0,
    }
    sandbox = await begin(seed=7, outbox={"port": inbound.port}, rates=rates)
    for number in order:
        person, step = f"p{number % 60}@x.example", number // 60
        mail = make_mail(
            person, gateway=gateway.url, text=f"step {step}", message_id=f"<{number}@acme.example>"
        )
        await send_mail(sandbox, mail)
    await settle(sandbox, clock)
    done = Counter((row.action, row.person, row.key) for row in actions(sandbox))
    # The first half of a Message-ID is drawn, the second tells the time.
    return done, {message["Message-ID"].partition(".")[0] for _, _, message in inbound.mails}


async def test_the_same_mails_bring_the_same_actions_whoever_gets_theirs_first(
    begin: Begin, clock: ClockFile, gateway: Gateway, inbound: Inbound
) -> None:
    others_first = [60 * step + person for step in range(3) for person in range(59, -1, -1)]
    forwards = await run_month(begin, clock, gateway, inbound, list(range(180)))
    backwards = await run_month(begin, clock, gateway, inbound, others_first)
    assert len(forwards[0]) > 50
    kinds = {action for action, _, _ in forwards[0]}
    assert {"opened", "unsubscribed", "auto_replied", "bounced_hard"} <= kinds
    assert forwards == backwards


class NoAgenda:
    """Counts what would be done, and does nothing."""

    def __init__(self) -> None:
        self.acts: list[Any] = []

    def after(self, _delay_us: int, act: Any) -> None:
        self.acts.append(act)


class EverywhereWeb:
    def reaches(self, _url: str) -> bool:
        return True


async def test_the_default_rates_give_the_shares_that_a_cadence_sees(begin: Begin) -> None:
    sandbox = await begin()
    people, mails = 4000, 6
    agenda: Any = NoAgenda()
    web: Any = EverywhereWeb()
    send: Any = None
    readers = MailReaders(
        1,
        behaviour=sandbox.behaviour,
        clock=sandbox.clock,
        agenda=agenda,
        ledger=sandbox.ledger,
        web=web,
        send=send,
    )
    received = [
        ReceivedMail(make_mail("x@y.example", text=f"step {n}").as_bytes(), envelope_from="a@b.c")
        for n in range(mails)
    ]
    delivered, opened, clicked = 0, set(), 0
    reacted: dict[str, set[str]] = {}
    refused: Counter[str] = Counter()
    for number in range(people):
        address = f"p{number}@x.example"
        persona = sandbox.personas.by_mail(address)
        refused[persona.name] += 1
        if persona.name in ("hard_bounce", "hard_bounce_dsn"):
            continue
        for step, mail in enumerate(received):
            delivered += 1
            agenda.acts.clear()
            readers.receive(address, mail)
            for act in agenda.acts:
                name = getattr(act, "func", act).__name__
                clicked += name == "_click"
                if name == "_open":
                    opened.add((address, step))
                reacted.setdefault(name, set()).add(address)
    assert len(opened) / delivered == pytest.approx(0.45, abs=0.02)
    assert clicked / delivered == pytest.approx(0.08, abs=0.01)
    assert len(reacted["_reply"]) / people == pytest.approx(0.044, abs=0.01)
    assert len(reacted["_answer_automatically"]) / people == pytest.approx(0.03, abs=0.01)
    assert len(reacted["_unsubscribe"]) / people == pytest.approx(0.015, abs=0.006)
    hard = refused["hard_bounce"] + refused["hard_bounce_dsn"]
    soft = refused["soft_bounce"] + refused["soft_bounce_dsn"]
    assert hard / people == pytest.approx(0.02, abs=0.007)
    assert soft / people == pytest.approx(0.015, abs=0.006)
    phones = Counter(sandbox.personas.by_phone(f"+3361{n:07d}").name for n in range(people))
    assert phones["texts_stop"] / people == pytest.approx(0.01, abs=0.005)
    profiles = Counter(sandbox.personas.by_profile(f"p-{n}").name for n in range(people))
    accepting = profiles["accepts_invitation"] + profiles["answers_social"]
    assert accepting / people == pytest.approx(0.35, abs=0.025)
