"""What mails mean, kind by kind."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from cadenza.model import Channel, Event, EventType, MessageRef, TouchRef
from events.mailbox import bounces
from events.mailbox.diagnosis import Diagnosis, diagnose
from events.mailbox.interpret import interpret
from tests.events.mailbox.mails import (
    BOUNCE_ADDRESS,
    OUR_MESSAGE_ID,
    PERSON,
    REPLY_ADDRESS,
    TOUCH,
    UNSUBSCRIBE_ADDRESS,
    bounce,
    mail,
)
from tests.events.support import NOW, SIGNER


def _events(raw: bytes, *, sender: str = PERSON, to: str = REPLY_ADDRESS) -> list[Event]:
    return list(interpret(raw, sender, to, NOW, SIGNER))


def _types(raw: bytes, *, sender: str = PERSON, to: str = REPLY_ADDRESS) -> list[EventType]:
    return [event.type for event in _events(raw, sender=sender, to=to)]


# Replies


def test_a_reply_carries_what_is_new_and_names_the_touch() -> None:
    raw = mail(
        "Yes, call me on Tuesday.\n\nOn Tue, 3 Mar 2026, Ann wrote:\n> Dear Jane\n",
        Subject="Re: Your invoices – now",
        From="René Dürr <rene@prospect.example>",
    )
    [event] = _events(raw)
    assert event.type is EventType.REPLIED
    assert event.source == "mailbox"
    assert event.occurred_at == NOW
    assert event.about == (
        TouchRef(touch_id=TOUCH),
        MessageRef(channel=Channel.EMAIL, provider_id=OUR_MESSAGE_ID),
    )
    assert event.data == {
        "text": "Yes, call me on Tuesday.",
        "subject": "Re: Your invoices – now",
        "from": "René Dürr <rene@prospect.example>",
    }


def test_a_reply_in_html_alone_is_read() -> None:
    message = EmailMessage(policy=SMTP)
    message["From"], message["Subject"] = PERSON, "Re: x"
    message.set_content("<p>Oui, <b>mardi</b>.</p><blockquote type='cite'>x</blockquote>", "html")
    [event] = _events(message.as_bytes())
    assert event.data["text"] == "Oui, mardi."


def test_headers_cannot_break_out_of_their_line() -> None:
    raw = (
        b"From: =?utf-8?Q?a=0D=0ABcc:_x@y.example?= <j@p.example>\r\n"
        b"Subject: =?utf-8?B?YQ0KYg==?=\r\n\r\nHi"
    )
    [event] = _events(raw)
    assert event.data["subject"] == "a b"
    assert "\n" not in event.data["from"]
    assert "\r" not in event.data["from"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"call me",
        b"\x00\xff\xfe",
        b"Subject: hello\r\n\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary anywhere",
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Content-Type: image/jpeg\r\n\r\n\xff\xd8",
    ],
)
def test_what_cannot_be_understood_is_a_reply_that_a_person_must_see(raw: bytes) -> None:
    assert _types(raw) == [EventType.REPLIED]


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office today, call me on Monday.",
        "We are out of office chairs :) but yes, let's talk.",
        "Your delivery failed to impress me, sorry. Could not be delivered on time last year.",
        "Sorry for the late reply, I was on holiday. Tuesday works.",
        "Undeliverable promises, as always. Send me the price.",
    ],
)
def test_people_may_say_what_programs_say(text: str) -> None:
    assert _types(mail(text)) == [EventType.REPLIED]


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Out of office for August?",
        "AW: Abwesenheit",
        "RE: Automatic reply handling",
        "Re: [Undelivered Mail] your offer",
        "Fwd: Your invoices",
        "Question about your vacation rental",
        "",
    ],
)
def test_people_may_answer_to_any_subject(subject: str) -> None:
    assert _types(mail("Let's talk on Tuesday.", Subject=subject)) == [EventType.REPLIED]


def test_outlooks_suppression_header_is_not_held_against_people() -> None:
    raw = mail("Sure.", X_Auto_Response_Suppress="DR, OOF, AutoReply")
    assert _types(raw) == [EventType.REPLIED]
    assert _types(mail("Sure.", Auto_Submitted="no")) == [EventType.REPLIED]
    assert _types(mail("Sure.", Precedence="list")) == [EventType.REPLIED]


@pytest.mark.parametrize(
    "text",
    ["Unsubscribe", "Please remove me from your list.\n\nJane", "Merci de ne plus m'écrire."],
)
def test_a_reply_that_asks_to_stop_also_unsubscribes(text: str) -> None:
    assert _types(mail(text)) == [EventType.UNSUBSCRIBED, EventType.REPLIED]


def test_the_two_events_of_one_mail_have_different_identities() -> None:
    first, second = _events(mail("Please unsubscribe me"))
    assert first.external_id != second.external_id
    assert first.data == {"channel": "email", "how": "reply"}


def test_a_quoted_unsubscribe_link_is_no_wish_to_stop() -> None:
    raw = mail("Yes please!\n\nOn Tue, 3 Mar 2026, Ann wrote:\n> unsubscribe me: https://x\n")
    assert _types(raw) == [EventType.REPLIED]


# Automatic answers


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (rejected); owner-email=x@y.example"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "x"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X_POST_MessageClass": "9; Autoresponder"},
        {"From": "no-reply@prospect.example"},
        {"From": "Do not reply <donotreply@prospect.example>"},
        {"Subject": "Automatic reply: Your invoices"},
        {"Subject": "Out of Office: Your invoices"},
        {"Subject": "Out of the office Re: Your invoices"},
        {"Subject": "Réponse automatique : Vos factures"},
        {"Subject": "Absence du bureau : Vos factures"},
        {"Subject": "Automatische Antwort: Ihre Rechnungen"},
        {"Subject": "Abwesenheitsnotiz: Ihre Rechnungen"},
        {"Subject": "Respuesta automática: Sus facturas"},
        {"Subject": "Risposta automatica: Le Sue fatture"},
        {"Subject": "Automatisch antwoord: Uw facturen"},
        {"Subject": "Resposta automática: Suas faturas"},
        {"Subject": "Autosvar: Dina fakturor"},
        {"Subject": "自動返信: 請求書"},
        {"Subject": "[Autoreply] Your invoices"},
    ],
)
def test_what_a_program_answers_is_no_reply(headers: dict[str, str]) -> None:
    [event] = _events(mail("Thanks for your mail.", **headers))
    assert event.type is EventType.AUTO_REPLIED
    assert event.data["text"] == "Thanks for your mail."


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until 12 March with limited access to email.",
        "Thank you for your message. I am on annual leave and will return on 12 March.",
        "Je suis absent du bureau jusqu'au 12 mars. Pour toute urgence, contactez Luc.",
        "Ich bin bis zum 12.3. im Urlaub. In dringenden Fällen wenden Sie sich an Uwe.",
        "Estoy fuera de la oficina. En caso de urgencia escriba a Paco.",
        "Sono fuori ufficio. Per urgenze: Carla. Rispondo al mio rientro.",
        "Ik ben afwezig. Voor dringende zaken: Piet.",
        "I no longer work at Example Ltd. For urgent matters write to info@prospect.example.",
    ],
)
def test_an_absence_note_without_any_mark_is_no_reply(text: str) -> None:
    assert _types(mail(text)) == [EventType.AUTO_REPLIED]


@pytest.mark.parametrize("sender", ["", "<>", " <> "])
def test_what_comes_from_the_null_sender_was_written_by_a_program(sender: str) -> None:
    assert _types(mail("I am away."), sender=sender) == [EventType.AUTO_REPLIED]


# Bounces


def test_a_hard_bounce_names_touch_original_recipient_and_reason() -> None:
    [event] = _events(bounce(), sender="", to=BOUNCE_ADDRESS)
    assert event.type is EventType.BOUNCED
    assert event.about == (
        TouchRef(touch_id=TOUCH),
        MessageRef(channel=Channel.EMAIL, provider_id=OUR_MESSAGE_ID),
    )
    assert event.data == {
        "reason": "user_unknown",
        "status": "5.1.1",
        "code": "550",
        "recipient": "jane@prospect.example",
        "detail": "550 5.1.1 <jane@prospect.example>: User unknown",
    }


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "expected"),
    [
        ("failed", "4.2.2", "smtp; 452 4.2.2 mailbox full", [EventType.SOFT_BOUNCED]),
        ("failed", "5.2.2", "", [EventType.SOFT_BOUNCED]),
        ("failed", "5.1.1", "", [EventType.BOUNCED]),
        ("Failed", "5.1.1 (bad address)", "", [EventType.BOUNCED]),
        ("failed", "5.0.0", "", [EventType.SOFT_BOUNCED]),
        ("failed", "", "", [EventType.SOFT_BOUNCED]),
        ("delayed", "4.4.1", "", []),
        ("relayed", "2.0.0", "", []),
        ("expanded", "2.0.0", "", []),
        ("delivered", "2.0.0", "smtp; 250 ok", [EventType.DELIVERED]),
        ("", "2.1.5", "smtp; 250 ok", [EventType.DELIVERED]),
        ("", "5.1.1", "", [EventType.BOUNCED]),
    ],
)
def test_actions_and_status_codes(
    action: str, status: str, diagnostic: str, expected: list[EventType]
) -> None:
    raw = bounce(action=action, status=status, diagnostic=diagnostic)
    assert _types(raw, sender="", to=BOUNCE_ADDRESS) == expected


def test_of_several_recipients_the_worst_off_decides() -> None:
    more = (
        b"\nFinal-Recipient: rfc822; one@prospect.example\nAction: delayed\nStatus: 4.0.0\n"
        b"\nFinal-Recipient: rfc822; two@prospect.example\nAction: failed\nStatus: 5.1.1\n"
    )
    raw = bounce(action="delivered", status="2.0.0", diagnostic="").replace(
        b"\n\n--b/1\nContent-Type: message/rfc822", more + b"\n--b/1\nContent-Type: message/rfc822"
    )
    [event] = _events(raw, sender="", to=BOUNCE_ADDRESS)
    assert (event.type, event.data["recipient"]) == (EventType.BOUNCED, "two@prospect.example")


def test_recipients_without_blank_lines_between_are_told_apart() -> None:
    raw = bounce(status="5.2.2", diagnostic="smtp; 552 full").replace(
        b"smtp; 552 full\n",
        b"smtp; 552 full\nFinal-Recipient: rfc822; b@p.example\nAction: failed\nStatus: 5.1.1\n",
    )
    [event] = _events(raw, sender="", to=BOUNCE_ADDRESS)
    assert (event.type, event.data["recipient"]) == (EventType.BOUNCED, "b@p.example")


def test_a_bounce_that_comes_to_the_reply_address_is_still_one() -> None:
    assert _types(bounce(), sender="postmaster@mx.prospect.example") == [EventType.BOUNCED]


QMAIL = (
    "Hi. This is the qmail-send program at mx.example.net.\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
    "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
    "<jane@prospect.example>:\n192.0.2.1 does not like recipient.\n"
    "Remote host said: 550 5.1.1 <jane@prospect.example>... User unknown\nGiving up.\n\n"
    "--- Below this line is a copy of the message.\n\n"
    f"Return-Path: <x@y.example>\nMessage-ID: {OUR_MESSAGE_ID}\n\nIs your mailbox full?\n"
)


def test_a_bounce_of_qmail_is_understood() -> None:
    raw = mail(QMAIL, From="MAILER-DAEMON@mx.example.net", Subject="failure notice", In_Reply_To="")
    [event] = _events(raw, sender="", to=BOUNCE_ADDRESS)
    assert (event.type, event.data["reason"]) == (EventType.BOUNCED, "user_unknown")
    assert event.data["recipient"] == "jane@prospect.example"


def test_a_warning_without_a_report_part_is_no_bounce() -> None:
    raw = mail(
        "A message is delayed for more than 4 hours for:\njane@prospect.example: "
        "Network error on destination MXs\nYou DO NOT NEED to re-send the message.",
        From="MAILER-DAEMON@mx.example.net",
        Subject="Delivery status notification: warning",
    )
    assert _types(raw, sender="", to=BOUNCE_ADDRESS) == []


def test_a_mailer_that_says_nothing_understandable_bounced_softly() -> None:
    raw = mail("Oh no.", From="Mail Delivery Subsystem <MAILER-DAEMON@x.example>", Subject="Hm")
    assert _types(raw, sender="", to=BOUNCE_ADDRESS) == [EventType.SOFT_BOUNCED]


# Complaints, receipts, unsubscriptions

ARF = (
    "From: fbl@provider.example\nSubject: FW: Your invoices\nMIME-Version: 1.0\n"
    "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
    "--b\n\nThis is an email abuse report.\n--b\nContent-Type: message/feedback-report\n\n"
    "Feedback-Type: {type}\nUser-Agent: x/1\nVersion: 1\n\n--b\nContent-Type: message/rfc822\n\n"
    f"Message-ID: {OUR_MESSAGE_ID}\nSubject: Your invoices\n\nDear Jane\n--b--\n"
)


@pytest.mark.parametrize("kind", ["abuse", "Fraud", "opt-out", "other", ""])
def test_a_feedback_report_is_a_complaint(kind: str) -> None:
    [event] = _events(ARF.format(type=kind).encode(), sender="fbl@provider.example")
    assert event.type is EventType.COMPLAINED
    assert event.data == {"feedback_type": kind.lower() or "abuse"}
    assert MessageRef(channel=Channel.EMAIL, provider_id=OUR_MESSAGE_ID) in event.about


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_some_feedback_is_no_complaint(kind: str) -> None:
    assert _types(ARF.format(type=kind).encode(), sender="fbl@provider.example") == []


def test_a_read_receipt_is_nothing() -> None:
    raw = (
        b"From: jane@prospect.example\nSubject: Read: Your invoices\n"
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
        b"--b\n\nYour message was read.\n--b\n"
        b"Content-Type: message/disposition-notification\n\nDisposition: manual-action; displayed\n"
        b"--b--\n"
    )
    assert _types(raw) == []


def test_any_mail_to_the_unsubscribe_address_unsubscribes_once() -> None:
    empty = mail("", Subject="unsubscribe", In_Reply_To="")
    automatic = mail("Apple Mail sent this email", Auto_Submitted="auto-replied")
    ids = set()
    for raw in (empty, automatic, b""):
        [event] = _events(raw, to=UNSUBSCRIBE_ADDRESS)
        assert event.type is EventType.UNSUBSCRIBED
        assert event.data == {"channel": "email", "how": "mail"}
        ids.add(event.external_id)
    assert len(ids) == 1


def test_a_program_that_unsubscribes_by_subject_is_understood_anywhere() -> None:
    raw = mail("Apple Mail sent this email to unsubscribe", Subject="unsubscribe", X_Autoreply="y")
    assert _types(raw) == [EventType.UNSUBSCRIBED]
    by_hand = mail("and refund my order", Subject="Unsubscribe")
    assert _types(by_hand) == [EventType.UNSUBSCRIBED, EventType.REPLIED]


def test_a_bounce_to_the_unsubscribe_address_unsubscribes_nobody() -> None:
    assert EventType.UNSUBSCRIBED not in _types(bounce(), sender="", to=UNSUBSCRIBE_ADDRESS)
    assert EventType.UNSUBSCRIBED not in _types(mail("x"), sender="", to=UNSUBSCRIBE_ADDRESS)


# Addresses and identity


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann@in.example.com",
        "r.@in.example.com",
        "r." + "a" * 28 + "@in.example.com",
        REPLY_ADDRESS.replace("r.", "b.", 1),
        REPLY_ADDRESS.replace("r.", "x.", 1),
        REPLY_ADDRESS.replace("r.", "r", 1),
        "r.é" + "a" * 27 + "@in.example.com",
    ],
)
def test_addresses_that_were_not_made_here_name_nobody(address: str) -> None:
    assert _events(mail("Hi"), to=address) == []


def test_servers_may_change_the_case_of_an_address() -> None:
    assert _types(mail("Hi"), to=f"<{REPLY_ADDRESS.upper()}>") == [EventType.REPLIED]


def test_the_same_mail_by_another_way_is_the_same_event() -> None:
    raw = mail("Yes.\n\nJane")
    [first] = _events(raw)
    again = (
        b"Return-Path: <x@y.example>\r\nReceived: from a by b; Tue, 3 Mar 2026 10:00:00 +0000\r\n"
        + raw.replace(b"\r\n", b"\n")
        + b"\n\n"
    )
    [second] = _events(again)
    assert first.external_id == second.external_id

    without_id = mail("Yes.", Message_ID="")
    [third] = _events(without_id)
    [fourth] = _events(b"Received: from a by b\r\n" + without_id)
    assert third.external_id == fourth.external_id


def test_different_mails_are_different_events() -> None:
    raws = [
        mail("Yes."),
        mail("No."),
        mail("Yes.", Message_ID="<other@prospect.example>"),
        mail("Yes.", Message_ID=""),
        mail("Yes.", Message_ID="", Date="Wed, 4 Mar 2026 10:00:00 +0100"),
    ]
    assert len({_events(raw)[0].external_id for raw in raws}) == len(raws)


def test_a_report_on_ever_so_many_recipients_is_little_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def counting(words: str, **more: str) -> Diagnosis:
        read.append(words)
        return diagnose(words, **more)

    monkeypatch.setattr(bounces, "diagnose", counting)
    notice = "".join(f"550 {n} no such user\n" for n in range(20))
    status = "Final-Recipient: rfc822;a@b{n}\nAction: failed\nStatus: 5.0.0 {n}\n\n"
    statuses = "".join(status.format(n=n) for n in range(20))
    report = f"--b\nContent-Type: message/delivery-status\n\n{statuses}\n"
    raw = f"Content-Type: multipart/report; boundary=b\n\n--b\n\n{notice}{report * 40}--b--\n"
    assert _types(raw.encode(), sender="") == [EventType.SOFT_BOUNCED]
    assert len(read) <= 40
