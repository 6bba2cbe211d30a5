"""What people do is decided by seed, person and how many messages came before; nothing else."""

from collections import Counter

import pytest

from sandbox.behaviour import Behaviour, disposition
from sandbox.personas import Personas
from sandbox.settings import Override, Rates


def behaviour(seed: int = 3, **overrides: str) -> Behaviour:
    chosen = {f"{name}@x.example": Override.model_validate({"persona": persona})
              for name, persona in overrides.items()}  # fmt: skip
    return Behaviour(seed, Personas(seed, Rates(), chosen))


def test_the_same_message_brings_the_same_deeds_in_whatever_order_people_are_asked() -> None:
    people = [f"p{n}@x.example" for n in range(300)]
    one, other = behaviour(), behaviour()
    forwards = {p: one.on_mail(p, 2) for p in people}
    backwards = {p: other.on_mail(p, 2) for p in reversed(people)}
    assert forwards == backwards
    assert forwards != {p: behaviour(4).on_mail(p, 2) for p in people}
    assert forwards != {p: one.on_mail(p, 1) for p in people}


def test_a_clicker_opens_before_clicking_and_opens_again_later() -> None:
    deeds = behaviour(ada="clicks").on_mail("ada@x.example", 0)
    opens = [deed.delay_us for deed in deeds if deed.name == "opened"]
    (click,) = [deed.delay_us for deed in deeds if deed.name == "clicked"]
    assert opens == sorted(opens)
    assert opens[0] < click


def test_who_bounces_later_does_nothing_else() -> None:
    deeds = behaviour(ada="hard_bounce_dsn").on_mail("ada@x.example", 0)
    assert [deed.name for deed in deeds] == ["bounced_hard"]


def test_a_text_is_sent_on_before_its_fate_is_told() -> None:
    people = behaviour()
    for n in range(500):
        sent, told, *_ = people.on_text(f"+3361{n:07d}", 0)
        assert (sent.name, told.delay_us > sent.delay_us) == ("sms_sent", True)
        assert told.name in ("sms_delivered", "sms_undelivered")
        assert bool(told.code) == (told.name == "sms_undelivered")


def test_only_invitations_are_accepted_and_only_messages_answered() -> None:
    people = behaviour()
    names = [f"person-{n}" for n in range(2000)]
    invited = Counter(d.name for n in names for d in people.on_social(n, 0, invites=True))
    written = Counter(d.name for n in names for d in people.on_social(n, 0, invites=False))
    assert set(invited) == {"invitation_accepted"}
    assert set(written) == {"social_echoed", "social_replied"}
    assert invited["invitation_accepted"] / 2000 == pytest.approx(0.35, abs=0.03)


def dispositions(weights: dict[str, dict[str, float]], kind: str = "call") -> Counter[str]:
    return Counter(
        disposition(
            1, person=f"p{n}", kind=kind, due_at="2026-03-02", options=["yes", "no"],
            weights=weights,
        )
        for n in range(1000)
    )  # fmt: skip


def test_weights_say_how_tasks_of_a_kind_end() -> None:
    assert dispositions({"call": {"yes": 1}}) == {"yes": 1000}
    assert dispositions({"call": {"yes": 3, "no": 1}})["yes"] == pytest.approx(750, abs=50)
    assert dispositions({"approval": {"yes": 1}})["yes"] == pytest.approx(500, abs=50)
    assert dispositions({"call": {"maybe": 1}})["yes"] == pytest.approx(500, abs=50)
