"""Every text of every shipped cadence, in each of its languages, is fit to send."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import cadences
from cadenza.accounts import Accounts, Organisation, Owner
from cadenza.authoring.research import lacks_of, stand_in_accounts
from cadenza.language.cadence import Cadence
from cadenza.language.loader import load_cadence
from cadenza.model import Profile
from cadenza.sms.segments import Encoding, measure
from cadenza.steps.email import EmailStep
from cadenza.steps.sms import SmsStep
from cadenza.steps.social import SocialStep
from cadenza.steps.task import TaskStep
from cadenza.steps.webhook import WebhookStep
from cadenza.variables import audience_for, variables_for
from tests.cadenza.planner.courses import person

FOLDER = Path(cadences.__path__[0])
SHIPPED = sorted(FOLDER.glob("*.yaml"))
ENGLISH_ONLY = {"ten-touch"}

OWNER = Owner(
    id="maya",
    name="Maya Lind",
    title="Planner",
    phone="+32 9 000 00 00",
    email="maya@larkspur.example",
    signature="Maya Lind\nLarkspur",
)
ORGANISATION = Organisation(name="Larkspur", postal_address="Kaai 4, 9000 Gent")
UNSUBSCRIBE = "https://u.example/1"
FOOTER = (ORGANISATION.postal_address, UNSUBSCRIBE)
NAMES = ("Zoë", "Łukasz", "Øystein", "Bartholomäus", "Nguyễn Thị Minh", "志明")
LEFT_OVER = ("{{", "{%", "}}", "%}")

Variables = Mapping[str, Any]


def accounts() -> Accounts:
    """Who sends."""
    stands_in = stand_in_accounts()
    return stands_in.model_copy(update={"organisation": ORGANISATION, "owners": [OWNER]})


def prospect(name: str, locale: str) -> Profile:
    """Somebody of whom no more is known than a first name, and what it is about."""
    return person(
        fields={"first_name": name},
        locale=locale,
        owner_id=OWNER.id,
        subject={"id": "4711"},
        parties={"vendor": {"email": "garage@example.org", "locale": locale}},
    )


def written(cadence: Cadence) -> list[str]:
    """The languages that it is written in."""
    return ["en"] if cadence.name in ENGLISH_ONLY else ["en", "fr"]


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda path: path.stem)
def cadence(request: pytest.FixtureRequest) -> Cadence:
    return load_cadence(request.param)[1]


def filled(cadence: Cadence, name: str) -> Iterator[tuple[Any, str, Variables, Profile]]:
    """Each step with the variables that it is filled with, in each language."""
    for locale in written(cadence):
        profile = prospect(name, locale)
        for step in cadence.steps.values():
            known = variables_for(
                profile,
                accounts(),
                None,
                UNSUBSCRIBE,
                cadence=cadence,
                to=getattr(step, "to", None),
            )
            yield step, locale, known, profile


def is_gsm(text: str) -> bool:
    return measure(text).encoding is Encoding.GSM_7


def test_nothing_is_missing_for_somebody_with_a_first_name(cadence: Cadence) -> None:
    for locale in written(cadence):
        assert not lacks_of(cadence, prospect("Zoë", locale))


@pytest.mark.parametrize("name", NAMES)
def test_every_mail_is_fit_to_send(cadence: Cadence, name: str) -> None:
    for step, _, variables, profile in filled(cadence, name):
        if not isinstance(step, EmailStep):
            continue
        audience = audience_for(profile, cadence=cadence, to=step.to)
        mail = step.render(variables, audience=audience)
        assert mail.subject.startswith("Re: ") is (step.thread_with is not None)
        assert len(mail.subject) <= 60, mail.subject
        assert 15 < len(mail.preview) <= 110, mail.preview
        assert 15 < len(mail.text.split()) < 200
        assert step.to or name in mail.text + mail.subject
        for source in (mail.subject, mail.preview, mail.html, mail.text):
            assert not any(mark in source for mark in LEFT_OVER)
        for part in (mail.text, mail.html):
            # A message about an order or a claim needs no way to opt out of it.
            assert all(said in part for said in FOOTER) is not cadence.service
        assert mail.text.startswith(("Hello ", "Bonjour ", f"{name}, "))


@pytest.mark.parametrize("name", NAMES)
def test_every_text_message_is_fit_to_send(cadence: Cadence, name: str) -> None:
    for step, _, variables, _ in filled(cadence, name):
        if isinstance(step, SmsStep):
            text = step.render(variables)
            assert is_gsm(text) is (is_gsm(name) or name not in text), text
            assert measure(text).count <= (2 if is_gsm(text) else 3), text
            assert cadence.service or "STOP" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_other_text_is_fit_to_be_read(cadence: Cadence, name: str) -> None:
    for step, _, variables, _ in filled(cadence, name):
        if isinstance(step, SocialStep) and step.text is not None:
            assert name in step.render(variables)
        elif isinstance(step, TaskStep):
            task = step.render(variables)
            assert len(task.title) <= 100, task.title
            assert name in task.title or "4711" in task.title
            assert task.script or task.kind != "call" or step.to, step.step_id
            assert not any(mark in f"{task.title}{task.script}" for mark in LEFT_OVER)
        elif isinstance(step, WebhookStep):
            assert all(value is not None for value in step.render(variables).values())


def test_both_languages_say_it_in_their_own_words(cadence: Cadence) -> None:
    """No text was left in the language of the cadence alone."""
    if cadence.name in ENGLISH_ONLY:
        return
    said: dict[tuple[str, str], list[str]] = {}
    for step, _, variables, profile in filled(cadence, "Zoë"):
        audience = audience_for(profile, cadence=cadence, to=getattr(step, "to", None))
        if isinstance(step, EmailStep):
            mail = step.render(variables, audience=audience)
            texts = {"text": mail.text, "preview": mail.preview, "subject": mail.subject}
        elif isinstance(step, SmsStep | SocialStep):
            texts = {"text": step.render(variables)}
        elif isinstance(step, TaskStep):
            task = step.render(variables)
            texts = {"title": task.title, "script": task.script, "voicemail": task.voicemail}
            texts |= {f"item {n}": item for n, item in enumerate(task.checklist)}
        else:
            continue
        for name, text in texts.items():
            said.setdefault((step.step_id, name), []).append(text)
    assert not [where for where, (english, french) in said.items() if english and english == french]
