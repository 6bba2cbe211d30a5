"""What holds for every mail, however broken or hostile."""

import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.model import EventType, TouchRef
from events.mailbox.interpret import interpret
from events.mailbox.mime import MAX_BYTES
from tests.events.mailbox.mails import (
    BOUNCE_ADDRESS,
    REPLY_ADDRESS,
    TOUCH,
    UNSUBSCRIBE_ADDRESS,
    bounce,
    mail,
)
from tests.events.support import NOW, SIGNER

ADDRESSES = st.sampled_from([REPLY_ADDRESS, BOUNCE_ADDRESS, UNSUBSCRIBE_ADDRESS])
SENDERS = st.sampled_from(["", "<>", "jane@prospect.example", "MAILER-DAEMON", "\x00"])

# Pieces that mean something to the readers, so that noise gets further than to the first of them.
PIECES = [
    b"From: ", b"Subject: ", b"Message-ID: ", b"Auto-Submitted: ", b"\r\n", b"\n", b"\n\n", b" ",
    b"Content-Type: multipart/report; boundary=b\n", b"Content-Type: multipart/mixed\n",
    b"Content-Type: message/delivery-status\n\n", b"Content-Type: message/rfc822\n\n",
    b"Content-Type: message/feedback-report\n\n", b"Content-Type: text/html; charset=",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n",
    b"--b\n", b"--b--\n", b"boundary=", b"Final-Recipient: rfc822; ", b"Action: failed\n",
    b"Status: 5.1.1\n", b"Diagnostic-Code: smtp; 550 ", b"MAILER-DAEMON@x.example", b"<a@b.c>",
    b"user unknown", b"On 3 Mar 2026 Ann wrote:\n", b"> ", b"=?utf-8?Q?", b"=?utf-8?B?", b"?=",
    b"<div class='gmail_quote'>", b"<!--", b"</p>", b"&#x", b"stop", b"out of office", b"utf-16",
]  # fmt: skip
NOISE = st.one_of(
    st.binary(max_size=400),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=12)), max_size=60).map(b"".join),
)


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """A good mail with a piece cut out and noise put in."""
    good = draw(st.sampled_from([mail("Yes.\n\n> quoted"), bounce()]))
    begin = draw(st.integers(0, len(good)))
    end = draw(st.integers(begin, min(len(good), begin + 80)))
    return good[:begin] + draw(NOISE) + good[end:]


@given(raw=st.one_of(NOISE, _damaged()), sender=SENDERS, address=ADDRESSES)
@settings(max_examples=250, deadline=None)
def test_no_mail_makes_it_fail_and_every_event_can_be_stored(
    raw: bytes, sender: str, address: str
) -> None:
    events = interpret(raw, sender, address, NOW, SIGNER)
    assert len(events) <= 2
    for event in events:
        assert event.about[0] == TouchRef(touch_id=TOUCH)
        assert re.fullmatch(r"4711\.[0-9a-f]{32}(\.u)?|4711\.u", event.external_id)
        values = list(event.data.values())
        assert all(isinstance(value, str) and "\0" not in value for value in values)
        "".join(values).encode()  # no lone surrogates, which PostgreSQL refuses
        assert len(event.data.get("text", "").encode()) <= 16 * 1024
        for name in ("subject", "from", "detail", "recipient"):
            assert "\n" not in event.data.get(name, "")


@given(raw=NOISE, address=st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_without_a_token_of_ours_there_is_no_event(raw: bytes, address: str) -> None:
    assert interpret(raw, "jane@prospect.example", address, NOW, SIGNER) == ()


@given(raw=st.one_of(NOISE, _damaged()), sender=SENDERS, address=ADDRESSES)
@settings(max_examples=100, deadline=None)
def test_the_same_mail_means_the_same_twice(raw: bytes, sender: str, address: str) -> None:
    once = interpret(raw, sender, address, NOW, SIGNER)
    assert once == interpret(raw, sender, address, NOW, SIGNER)
    assert len({event.external_id for event in once}) == len(once)


@given(text=st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=300))
@settings(max_examples=150, deadline=None)
def test_what_a_person_writes_in_an_ordinary_mail_reaches_a_person(text: str) -> None:
    """Automatic is only what says so in header, subject or in two ways in the text: not noise."""
    events = interpret(mail(text), "jane@prospect.example", REPLY_ADDRESS, NOW, SIGNER)
    assert EventType.REPLIED in {event.type for event in events}


HOSTILE = [
    b"From: mailer-daemon@x.example\n\n" + b"action: failed\nstatus: 5.1.1\n\n" * 20_000,
    b"From: mailer-daemon@x.example\n\n" + b"550 user unknown <a@b.c>\n" * 20_000,
    b"From: mailer-daemon@x.example\n\n550 user " + b"! " * 200_000,
    b"Content-Type: text/html\n\n" + b"<a " * 150_000,
    b"Content-Type: text/html\n\n" + b"<div>" * 100_000,
    b"Content-Type: text/html\n\n" + b"<!-" * 150_000,
    b"Subject: Re: x\n\n" + b"On 1 x " * 70_000 + b" wrote",
    b"Subject: Re: x\n\n" + b"On 1 x\n" * 70_000,
    b"Subject: Re: x\n\n" + b">" * 500_000,
    b"Subject: Re: x\n\n" + b"From: x\nTo: y\n" * 30_000,
    b"Subject: " + b"=?a?q?" * 80_000 + b"\n\n",
    b"From: " + b"(" * 500_000 + b"\n\n",
    b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(9_000)
    ),
    b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 100_000,
    b"Content-Type: message/rfc822\n\n" * 15_000,
    b"Content-Type: multipart/mixed; " + b'a="\\' * 100_000,
]


def test_hostile_mails_take_a_bounded_time() -> None:
    slowest = 0.0
    for raw in HOSTILE:
        began = time.process_time()
        interpret(raw[: 2 * MAX_BYTES], "", REPLY_ADDRESS, NOW, SIGNER)
        slowest = max(slowest, time.process_time() - began)
    # Measured: 0.1 to 0.4 s; something quadratic would take minutes.
    assert slowest < 4.0
