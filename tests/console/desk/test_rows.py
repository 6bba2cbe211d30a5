"""What a row may say. Hostile ones are refused alone, and none stops the reader."""

from typing import Any

import pytest

from cadenza.accounts import Accounts
from cadenza.addresses import email_address, linkedin_profile, mail_domain, phone_number
from cadenza.enrolling.message import check_row
from cadenza.enrolling.row_values import RowRejected
from tests.console.desk.desk import ACCOUNTS, Desk

GOOD = '{"email": "ada@example.com", "country": "FR"}'
ROWS = {
    '{"email": "b@example.com", "country": "FR", "x": NaN}': "x",
    '{"email": "b@example.com", "country": "FR", "x": -Infinity}': "x",
    '{"email": "b@example.com", "country": "FR", "x": "\\u0000"}': "x",
    '{"email": "b@example.com", "country": "FR", "x": "\\ud800"}': "x",
    '{"email": "b@example.com", "country": "FR", "\\udfff": 1}': None,
    '{"email": "b@example.com", "country": "FR", "x\\u0000": 1}': None,
    '{"id": "' + "i" * 501 + '", "country": "FR"}': "id",
    '{"email": "b@example.com", "country": "FR", "company": "' + "é" * 501 + '"}': "company",
    '{"email": "b@example.com", "country": "FR", "subject": "' + "s" * 501 + '"}': "subject",
    '{"phone": "+' + "1" * 4000 + '"}': "phone",
    '{"phone": "(((((", "country": "FR"}': "phone",
    '{"linkedin": "../../etc", "country": "FR"}': "linkedin",
    '{"email": "b@example.com", "time_zone": "../../etc/passwd"}': "time_zone",
    '{"email": "b@example.com", "country": "FR", "locale": "fr; drop"}': "locale",
    '{"email": ["b@example.com"], "country": "FR"}': "email",
    "[" * 100 + "]" * 100: None,
    "{" + ", ".join(f'"f{n}": 1' for n in range(101)) + "}": None,
}


async def test_each_hostile_row_is_refused_by_itself(desk: Desk) -> None:
    rows = ", ".join([*ROWS, GOOD])
    raw = f'{{"key": "k", "cadence": "mixed", "prospects": [{rows}]}}'
    receipt = await desk.line.enroller.enroll(raw.encode())
    assert (receipt.status, receipt.accepted, receipt.rejected) == ("accepted", 1, len(ROWS))
    verdicts = await desk.line.rows("select verdict, field from receipt_row order by row_number")
    assert verdicts == [("rejected", field) for field in ROWS.values()] + [("enrolled", None)]


async def test_the_longest_row_that_is_allowed_is_stored(desk: Desk) -> None:
    long: dict[str, Any] = dict.fromkeys(("id", "company", "subject"), "é" * 500)
    receipt = await desk.line.enroll(1, **long, note="𝕏" * 4000, number=10**300)
    assert receipt.accepted == 1


@pytest.mark.parametrize("cadence", ["\\u0000", "\\ud800", "x" * 100_000])
async def test_a_hostile_cadence_name_is_an_unreadable_message(desk: Desk, cadence: str) -> None:
    raw = f'{{"key": "k", "cadence": "{cadence}", "prospects": [{GOOD}]}}'
    assert (await desk.line.enroller.enroll(raw.encode())).status == "unreadable"


@pytest.mark.parametrize(
    ("row", "zone"),
    [
        ({"country": "DE"}, "Europe/Berlin"),
        ({"country": "AR"}, "America/Argentina/Buenos_Aires"),
        ({"country": "US", "phone": "+12125551234"}, "America/New_York"),
        ({"phone": "+33612345678"}, "Europe/Paris"),
        ({"country": "FR", "time_zone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({"country": "US"}, None),
        ({"country": "UA"}, None),
        ({"country": "ES", "phone": "+34612345678"}, None),
        ({}, None),
    ],
)
def test_zones_that_keep_the_same_time_count_as_one(row: dict[str, str], zone: str | None) -> None:
    file = Accounts.model_validate(ACCOUNTS)
    if zone is not None:
        assert check_row({"id": "1", **row}, file).prospect.time_zone == zone
        return
    with pytest.raises(RowRejected, match="give time_zone"):
        check_row({"id": "1", **row}, file)


def test_addresses_have_one_spelling() -> None:
    assert email_address("Zoë.M@EXAMPLE.com") == "zoë.m@example.com"
    assert mail_domain("@Example.COM") == "example.com"
    assert phone_number("06 12 34 56 78", "FR") == phone_number("0033612345678", "FR")
    assert linkedin_profile("https://fr.linkedin.com/in/zoe-m/?x=1") == "zoe-m"
    for wrong in (email_address, mail_domain, phone_number, linkedin_profile):
        with pytest.raises(ValueError, match=r"^is n") as error:
            wrong("a secret that is nothing")
        assert "secret" not in str(error.value)
