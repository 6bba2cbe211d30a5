"""What templates may say of one prospect, company, matter, party and sender."""

from collections.abc import Mapping
from dataclasses import replace

from cadenza.accounts import Accounts, Organisation, Owner, SenderAccount
from cadenza.language.cadence import Cadence, Segment
from cadenza.model import Channel, Profile
from cadenza.recipients import recipient_for
from cadenza.suppression.suppressing import recipient_keys
from cadenza.variables import audience_for, variables_for
from tests.cadenza.planner.courses import cadence, person

ACCOUNT = SenderAccount(
    id="box",
    channel=Channel.EMAIL,
    provider="smtp",
    address="m@larkspur.example",
    name="Maya",
    signature="The desk",
)
ACCOUNTS = Accounts(
    organisation=Organisation(name="Larkspur", postal_address="Kaai 4"),
    owners=[Owner(id="maya", name="Maya Lind", email="maya@larkspur.example")],
    accounts=[ACCOUNT],
)
VENDOR = {"name": "Hub\r\nLtd", "email": "Desk@Hub.example", "phone": "01 23 45 67 89"}


def course(**segments: Segment) -> Cadence:
    plain = cadence("- step: done\n  end: won\n")
    return replace(plain, segments=segments)


def region(**rows: Mapping[str, str]) -> Segment:
    return Segment(by="prospect.country", rows=rows)


def known(
    profile: Profile, of: Cadence | None = None, to: str | None = None
) -> Mapping[str, object]:
    return variables_for(
        profile, ACCOUNTS, ACCOUNT, "https://u.example/1", cadence=of or course(), to=to
    )


def test_variables_hold_what_is_known_of_everybody() -> None:
    variables = known(person(fields={"first_name": "Zoë", "email": "forged@example.org"}))
    prospect = variables["prospect"]
    assert isinstance(prospect, dict)
    assert prospect["first_name"] == "Zoë"
    assert prospect["email"] == "zoe@example.org"
    assert prospect["country"] == "FR"
    sender = {"name": "Maya", "address": "m@larkspur.example", "signature": "The desk"}
    assert variables["sender"] == sender
    assert variables["unsubscribe_url"] == "https://u.example/1"
    assert variables["party"] == {}


def test_a_prospects_own_field_comes_before_that_of_its_segment() -> None:
    of = course(region=region(fr={"name": "EMEA", "case": "Metro", "fair": "Paris"}))
    variables = known(person(fields={"case": "Own", "fair": ""}), of)
    assert variables["segment"] == {"region": "EMEA"}
    assert variables["prospect"]["case"] == "Own"  # type: ignore[index]
    assert variables["prospect"]["fair"] == "Paris"  # type: ignore[index]
    assert "name" not in variables["prospect"]  # type: ignore[operator]


def test_who_is_in_no_row_of_a_table_is_in_no_segment() -> None:
    of = course(region=region(de={"name": "DACH", "case": "Metro"}))
    variables = known(person(), of)
    assert variables["segment"] == {}
    assert "case" not in variables["prospect"]  # type: ignore[operator]


def test_company_and_subject_are_those_of_the_enrollment() -> None:
    profile = person(
        company={"size": 200}, subject={"id": "A-1"}, fields={"company": "Gâteaux & Fils"}
    )
    variables = known(profile)
    assert variables["company"] == {"size": 200, "name": "Gâteaux & Fils"}
    assert variables["subject"] == {"id": "A-1"}


def test_a_party_is_written_to_in_its_own_language_or_the_cadences() -> None:
    profile = person(parties={"vendor": VENDOR, "hub": {**VENDOR, "locale": "de-AT"}})
    assert known(profile, to="vendor")["party"] == VENDOR
    assert audience_for(profile, cadence=course()).locale == "fr"
    assert audience_for(profile, cadence=course(), to="vendor").locale is None
    assert audience_for(profile, cadence=course(), to="hub").locale == "de-AT"
    of = course(region=region(fr={"name": "EMEA"}))
    assert audience_for(profile, cadence=of, to="hub").region == "EMEA"


# Whom a touch reaches ------------------------------------------------------


def test_a_party_is_reached_at_its_own_address_in_one_spelling() -> None:
    profile = person(parties={"vendor": VENDOR})
    mail = recipient_for(Channel.EMAIL, "vendor", profile)
    assert mail is not None
    assert (mail.address, mail.name, mail.party) == ("desk@hub.example", "Hub Ltd", "vendor")
    text = recipient_for(Channel.SMS, "vendor", profile)
    assert text is not None
    assert text.address == "+33123456789"


def test_nobody_is_reached_in_place_of_a_party() -> None:
    wrong = {"email": "no address", "phone": "12"}
    profile = person(parties={"vendor": {"name": "Hub"}, "hub": wrong})
    for to in ("vendor", "hub", "nobody"):
        for channel in (Channel.EMAIL, Channel.SMS, Channel.SOCIAL):
            assert recipient_for(channel, to, profile) is None


def test_what_forbids_a_touch_are_the_keys_of_whom_it_reaches() -> None:
    profile = person(parties={"vendor": VENDOR})

    def keys(channel: Channel, to: str | None) -> list[str]:
        recipient = recipient_for(channel, to, profile)
        assert recipient is not None
        return sorted(recipient_keys(channel, recipient, profile, service=True))

    assert keys(Channel.EMAIL, None) == [
        "domain:example.org",
        "email:zoe@example.org",
        "prospect:p-1",
    ]
    assert keys(Channel.EMAIL, "vendor") == ["domain:hub.example", "email:desk@hub.example"]
    assert keys(Channel.SMS, "vendor") == ["phone:+33123456789"]
    assert keys(Channel.WEBHOOK, None) == []
