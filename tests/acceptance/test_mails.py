"""The mails of a month, as the people they are for get them."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import parse_qs, urlsplit

import pytest

from cadenza.abc import EventSource
from cadenza.model import Event, EventType, RawRequest, TouchRef
from console.embedded import EmbeddedServers
from events.mailbox.recipients import Box, Recipient, verified_recipient
from events.sources.click import ClickSource
from events.sources.open_pixel import OpenPixelSource
from events.sources.unsubscribe import UnsubscribeSource
from tests.acceptance.correspondence import LIQUID, PEOPLE, Correspondence, Mail, correspond
from tests.acceptance.expected import Page, expected, in_one_line, without_empty_lines
from tests.support.databases import Databases

pytestmark = pytest.mark.acceptance

ALWAYS = {
    *("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
}
THREADS = (("intro", "value", "proof", "recap"), ("authority", "last-word"))


@pytest.fixture(scope="module")
def month(
    servers: EmbeddedServers,
    databases: Databases,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Correspondence:
    folder = tmp_path_factory.mktemp("mails")
    (folder / "password").write_text("Pässwörd, for the relay", encoding="utf-8")
    name = databases.clone(template_database)
    try:
        return asyncio.run(correspond(databases.url_of(name), servers.redis_url, folder))
    finally:
        databases.drop(name)


@pytest.fixture
def mails(month: Correspondence) -> Sequence[Mail]:
    return month.mails


def test_everybody_got_every_mail_once(month: Correspondence) -> None:
    assert month.statuses == {"sent": len(month.mails)}
    steps = {
        person["email"]: [m.touch.step for m in month.to(person["email"])] for person in PEOPLE
    }
    short = ["intro", "value", "proof", "authority", "last-word"]
    assert {email: s for email, s in steps.items() if "recap" not in s} == {
        person["email"]: short for person in PEOPLE[::2]
    }
    assert {email: s for email, s in steps.items() if "recap" in s} == {
        person["email"]: [*short[:3], "recap", *short[3:]] for person in PEOPLE[1::2]
    }


# MIME --------------------------------------------------------------------


def test_they_are_fit_for_the_wire(mails: Sequence[Mail]) -> None:
    for mail in mails:
        assert mail.raw.isascii(), mail
        assert mail.raw.endswith(b"\r\n"), mail
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)|[^\t\r\n -~]", mail.raw), mail
        assert max(map(len, mail.raw.split(b"\r\n"))) <= 998, mail
        head = mail.raw.partition(b"\r\n\r\n")[0]
        assert max(map(len, head.split(b"\r\n"))) <= 78, mail


def test_the_standard_library_finds_nothing_wrong(mails: Sequence[Mail]) -> None:
    for mail in mails:
        for part in mail.message.walk():
            assert part.defects == [], mail
            for name, value in part.items():
                assert getattr(value, "defects", ()) == (), f"{mail}: {name}"


def test_each_is_a_text_and_the_same_in_html(mails: Sequence[Mail]) -> None:
    for mail in mails:
        assert mail.message.get_content_type() == "multipart/alternative", mail
        assert mail.message["MIME-Version"] == "1.0", mail
        parts = list(mail.message.iter_parts())
        assert all(isinstance(part, EmailMessage) for part in parts)
        kinds = [(part.get_content_type(), part.get_content_charset()) for part in parts]
        assert kinds == [("text/plain", "utf-8"), ("text/html", "utf-8")], mail


def test_they_have_each_header_once_and_no_other(mails: Sequence[Mail]) -> None:
    for mail in mails:
        threaded = {"In-Reply-To", "References"} if mail.touch.step not in starts() else set()
        assert sorted(mail.message.keys()) == sorted(ALWAYS | threaded), mail


# From whom, to whom, when -------------------------------------------------


def test_they_come_from_the_owners_mailbox(month: Correspondence) -> None:
    for mail in month.mails:
        account = month.accounts.account_by_id[mail.touch.account]
        assert account.owner == mail.touch.owner["id"], mail
        assert mailbox(mail, "From") == (account.name, account.address), mail


def mailbox(mail: Mail, field: str) -> tuple[str, str]:
    """The one name and address of a field.

    The newer parser of the standard library keeps the blank between two
    encoded words of a name, against RFC 2047 §6.2; the older one is right.
    """
    assert len(mail.message[field].addresses) == 1
    value = " ".join(str(message_from_bytes(mail.raw)[field]).split())
    name, address = parseaddr(value)
    return str(make_header(decode_header(name))), address


def test_they_are_addressed_to_one_person_by_their_name(mails: Sequence[Mail]) -> None:
    for mail in mails:
        names = (mail.person.get("first_name"), mail.person.get("last_name"))
        full_name = in_one_line(" ".join(name for name in names if name))
        assert mailbox(mail, "To") == (full_name, mail.envelope_to), mail


def test_names_of_domains_are_written_so_that_every_relay_understands(
    month: Correspondence,
) -> None:
    (first, *_) = month.to("info@bücher.example")
    assert first.envelope_to == "info@xn--bcher-kva.example"


def test_their_date_is_when_they_left(mails: Sequence[Mail]) -> None:
    for mail in mails:
        written = mail.message["Date"].datetime
        assert written.utcoffset() == timedelta(), mail
        assert abs(written - mail.touch.began_at) < timedelta(seconds=5), mail


def test_message_ids_are_unique_and_those_of_the_ledger(mails: Sequence[Mail]) -> None:
    ids = [str(mail.message["Message-ID"]) for mail in mails]
    assert len(set(ids)) == len(ids)
    for mail, message_id in zip(mails, ids, strict=True):
        assert message_id == mail.touch.message_id, mail
        assert re.fullmatch(r"<[a-z0-9]+@a\.example>", message_id), mail


def test_bounces_and_answers_come_back_to_their_touch(month: Correspondence) -> None:
    for mail in month.mails:
        touch_id = mail.touch.touch_id
        bounce = verified_recipient(mail.envelope_from, month.signer)
        assert bounce == Recipient(box=Box.BOUNCE, touch_id=touch_id), mail
        (reply_to,) = mail.message["Reply-To"].addresses
        answer = verified_recipient(reply_to.addr_spec, month.signer)
        assert answer == Recipient(box=Box.REPLY, touch_id=touch_id), mail


# Threads -----------------------------------------------------------------


def starts() -> set[str]:
    return {thread[0] for thread in THREADS}


def test_follow_ups_cite_the_mails_before_them(month: Correspondence) -> None:
    for person in PEOPLE:
        for thread in THREADS:
            own = [m.message for m in month.to(person["email"]) if m.touch.step in thread]
            ids = [str(message["Message-ID"]) for message in own]
            assert [m.get("In-Reply-To") for m in own] == [None, *ids[:-1]]
            cited = [str(m.get("References", "")).split() for m in own]
            assert cited == [ids[:n] for n in range(len(ids))]


def test_follow_ups_have_the_subject_of_their_thread(month: Correspondence) -> None:
    for person in PEOPLE:
        for thread in THREADS:
            own = [m.message for m in month.to(person["email"]) if m.touch.step in thread]
            first, *others = [str(message["Subject"]) for message in own]
            assert not first.startswith("Re:")
            assert others == [f"Re: {first}"] * len(others)


# The way out -------------------------------------------------------------


def unsubscribe_targets(mail: Mail) -> tuple[str, str]:
    """The URL and the address of `List-Unsubscribe`."""
    match = re.fullmatch(r"<([^<>]+)>, <mailto:([^<>]+)>", str(mail.message["List-Unsubscribe"]))
    assert match, mail
    return match[1], match[2]


def test_they_belong_to_a_list_of_their_senders_domain(month: Correspondence) -> None:
    for mail in month.mails:
        domain = parseaddr(str(mail.message["From"]))[1].partition("@")[2]
        assert str(mail.message["List-Id"]) == f"<ten-touch.{domain}>", mail


def test_one_click_unsubscribes_and_looking_does_not(month: Correspondence) -> None:
    source = UnsubscribeSource(month.signer, "Larkspur")
    for mail in month.mails:
        url, _ = unsubscribe_targets(mail)
        assert url.startswith("https://"), mail
        assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click", mail
        assert not requested(source, "GET", url), mail
        (event,) = requested(source, "POST", url)
        assert_about(event, EventType.UNSUBSCRIBED, mail)


def test_a_mail_to_the_address_unsubscribes_too(month: Correspondence) -> None:
    for mail in month.mails:
        _, address = unsubscribe_targets(mail)
        found = verified_recipient(address, month.signer)
        assert found == Recipient(box=Box.UNSUBSCRIBE, touch_id=mail.touch.touch_id), mail


def test_both_parts_show_the_way_out_and_the_postal_address(month: Correspondence) -> None:
    organisation = month.accounts.organisation
    for mail in month.mails:
        url, _ = unsubscribe_targets(mail)
        text, page = mail.part("plain"), Page(mail.part("html"))
        assert url in text, mail
        assert url in page.links, mail
        assert organisation.postal_address in text, mail
        assert "".join(organisation.postal_address.split()) in page.shown, mail


# What they say -----------------------------------------------------------


def test_subject_and_both_parts_say_what_the_template_says(month: Correspondence) -> None:
    for mail in month.mails:
        should = expected(mail, month.accounts.organisation, unsubscribe_targets(mail)[0])
        assert str(mail.message["Subject"]) == should.subject, mail
        assert without_empty_lines(mail.part("plain")) == should.text, mail
        assert Page(mail.part("html")).shown == should.shown, mail


def test_nothing_is_left_unfilled(mails: Sequence[Mail]) -> None:
    left = re.compile(r"\{\{|\}\}|\{%|%\}|\bNone\b|undefined|\bnull\b|\bnil\b")
    for mail in mails:
        if mail.touch.recipient == LIQUID:
            continue
        for said in (str(mail.message["Subject"]), mail.part("plain"), mail.part("html")):
            assert not left.search(said), mail


def test_values_arrive_as_they_were_enrolled(mails: Sequence[Mail]) -> None:
    for mail in mails:
        if mail.touch.step == "intro":
            for value in (mail.person["first_name"], mail.person.get("company", "")):
                assert value.replace("\r\n", "\n") in mail.part("plain"), mail


def test_names_can_bring_no_markup(mails: Sequence[Mail]) -> None:
    ours = {"html", "head", "meta", "body", "div", "p", "br", "ul", "li", "a", "img"}
    attributes = {"charset", "name", "content", "style", "href", "src", "width", "height", "alt"}
    for mail in mails:
        page = Page(mail.part("html"))
        assert page.tags <= ours, mail
        assert page.attributes <= attributes, mail


# Links -------------------------------------------------------------------


def test_every_link_is_tracked_or_the_way_out(month: Correspondence) -> None:
    source = ClickSource(month.signer)
    for mail in month.mails:
        url, _ = unsubscribe_targets(mail)
        page = Page(mail.part("html"))
        *tracked, last = page.links
        assert last == url, mail
        targets = expected(mail, month.accounts.organisation, url).targets
        assert [location(source, link) for link in tracked] == targets, mail
        for link in tracked:
            (event,) = requested(source, "GET", link)
            assert_about(event, EventType.CLICKED, mail)


def test_the_only_image_tells_of_opens(month: Correspondence) -> None:
    source = OpenPixelSource(month.signer)
    for mail in month.mails:
        (image,) = Page(mail.part("html")).images
        (event,) = requested(source, "GET", image.removesuffix(".gif"))
        assert_about(event, EventType.OPENED, mail)


def test_a_changed_link_leads_nowhere(month: Correspondence) -> None:
    source = ClickSource(month.signer)
    link = next(link for mail in month.mails for link in Page(mail.part("html")).links[:-1])
    assert location(source, link.replace("larkspur", "evil")) is None


def requested(source: EventSource, method: str, url: str) -> Sequence[Event]:
    """The events of a request."""
    return source.receive(request(method, url)).events


def location(source: EventSource, url: str) -> str | None:
    """Where a click leads."""
    return source.receive(request("GET", url)).headers.get("location")


def request(method: str, url: str) -> RawRequest:
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "go.example")
    return RawRequest(
        method=method,
        url=url,
        path_params={"token": parts.path.rpartition("/")[2]},
        query={name: value for name, (value,) in parse_qs(parts.query).items()},
        headers={},
        body=b"",
        received_at=datetime(2026, 4, 1, tzinfo=UTC),
    )


def assert_about(event: Event, kind: EventType, mail: Mail) -> None:
    assert event.type == kind, mail
    assert event.about == (TouchRef(touch_id=mail.touch.touch_id),), mail
