"""The demo's prospects and accounts: made up, complete, and wrong only where it is meant."""

import csv
import io
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from cadenza.accounts import Accounts, Health, LimitRow, Limits, load_accounts
from cadenza.enrolling.message import Row, check_row
from cadenza.enrolling.row_values import RowRejected
from cadenza.errors import ConfigurationError
from cadenza.model import Channel
from console.demo.ascii_names import ascii_name
from console.demo.make_prospects import (
    BLOCK,
    COLUMNS,
    DEMO_ROWS,
    DEMO_SEED,
    Flaw,
    as_csv,
    main,
    make_up,
)
from console.demo.outside import outside_env
from console.enroll.columns import map_columns
from console.enroll.table import read_rows
from senders.email_smtp.settings import smtp_settings
from senders.sms_twilio import TwilioSender
from senders.social_unipile import UnipileSender
from senders.webhook_http import WebhookSender

DATA = resources.files("console.demo") / "data"
MEMBERS = {column.title: column.member for column in map_columns(COLUMNS, {})}
DEMO_ENVIRONMENT = outside_env({"smtp": 2525, "sms": 8001, "social": 8002, "webhook": 8003})
# Ranges that regulators keep for fiction, by country; E.164.
FICTION = {
    "US": r"\+1\d{3}55501\d\d",
    "CA": r"\+1\d{3}55501\d\d",
    "GB": r"\+44(7700900\d{3}|1\d{2}4960\d{3})",
    "FR": r"\+33(63998|26191|35301|46571|53649)\d{4}",
    "DE": r"\+49(6990009|4066969|2214710|8999998)\d{3}",
    "AU": r"\+61[2378](5550|7010)\d{4}",
    "SE": r"\+46701740(60[5-9]|6[1-9]\d)",
}


def load_in_the_demo(name: str) -> Accounts:
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in DEMO_ENVIRONMENT.items():
            patch.setenv(variable, value)
        return load_accounts(Path(str(DATA / name)))


@pytest.fixture(scope="module")
def accounts() -> Accounts:
    return load_in_the_demo("accounts.yaml")


@pytest.fixture(scope="module")
def small_accounts() -> Accounts:
    return load_in_the_demo("accounts-small.yaml")


@pytest.fixture(scope="module")
def quarter_accounts() -> Accounts:
    return load_in_the_demo("accounts-quarter.yaml")


@pytest.fixture(params=["accounts", "small_accounts", "quarter_accounts"])
def any_accounts(request: pytest.FixtureRequest) -> Accounts:
    chosen: Accounts = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture(scope="module")
def committed() -> str:
    return (DATA / "prospects.csv").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def flawed() -> Mapping[int, Flaw]:
    """Which rows are wrong on purpose."""
    return make_up(DEMO_ROWS, DEMO_SEED).flaws


@pytest.fixture(scope="module")
def rows(committed: str) -> Sequence[Mapping[str, str]]:
    return list(csv.DictReader(io.StringIO(committed, newline="")))


@pytest.fixture(scope="module")
def good(
    rows: Sequence[Mapping[str, str]], flawed: Mapping[int, Flaw], accounts: Accounts
) -> Sequence[Row]:
    """The rows that are meant to be right."""
    return [checked(row, accounts) for n, row in enumerate(rows) if n not in flawed]


def checked(row: Mapping[str, str], accounts: Accounts) -> Row:
    return check_row({MEMBERS[column]: value for column, value in row.items()}, accounts)


def verdict(row: Mapping[str, str], accounts: Accounts, seen: set[str]) -> tuple[str, str | None]:
    """What enrolling says: its word and the member that is wrong."""
    try:
        key = checked(row, accounts).prospect.key
    except RowRejected as error:
        return "rejected", error.field
    if key in seen:
        return "duplicate", None
    seen.add(key)
    return "enrolled", None


def test_the_committed_file_is_what_the_script_makes(committed: str) -> None:
    assert committed == as_csv(make_up(DEMO_ROWS, DEMO_SEED).rows)


def test_it_has_fifteen_hundred_rows_of_twenty_countries(
    rows: Sequence[Mapping[str, str]], good: Sequence[Row]
) -> None:
    assert len(rows) == 1_500
    assert tuple(rows[0]) == COLUMNS
    assert all(None not in row and None not in row.values() for row in rows)
    countries = Counter(row.prospect.country for row in good)
    assert len(countries) == 20
    assert min(countries.values()) >= 20


def test_enrolling_finds_the_flaws_and_no_others(
    rows: Sequence[Mapping[str, str]], flawed: Mapping[int, Flaw], accounts: Accounts
) -> None:
    seen: set[str] = set()
    for n, row in enumerate(rows):
        said = verdict(row, accounts, seen)
        if n not in flawed:
            assert said == ("enrolled", None), row
            continue
        flaw = flawed[n]
        assert said == (flaw.verdict, MEMBERS[flaw.column] if flaw.column else None), flaw.name


def test_every_flaw_occurs_twice_and_together_they_are_two_percent(
    flawed: Mapping[int, Flaw],
) -> None:
    assert set(Counter(flaw.name for flaw in flawed.values()).values()) == {2}
    assert Counter(flaw.verdict for flaw in flawed.values()) == {"rejected": 24, "duplicate": 6}


def test_duplicates_repeat_a_row_of_their_own_block_of_fifty(
    rows: Sequence[Mapping[str, str]], flawed: Mapping[int, Flaw]
) -> None:
    """So a message of 50, 100, … rows has both, and the verdict does not depend on the day."""
    for n, flaw in flawed.items():
        if flaw.of_earlier:
            earlier = [row["id"] for row in rows[n - n % BLOCK : n]]
            assert rows[n]["id"] in earlier


def test_the_importer_knows_every_column_and_reads_every_row(
    rows: Sequence[Mapping[str, str]],
) -> None:
    read = read_rows(Path(str(DATA / "prospects.csv")))
    assert [row.get("email", "") for row in read] == [row["Email"] for row in rows]
    known = {"id", "email", "phone", "linkedin", "company", "country", "time_zone", "locale"}
    assert set(MEMBERS.values()) - known == {"first_name", "last_name", "title", "industry"}


def test_most_can_be_reached_on_every_channel(good: Sequence[Row]) -> None:
    share = 1 / len(good)
    assert all(row.prospect.email for row in good)
    assert 0.83 < sum(row.prospect.phone is not None for row in good) * share < 0.87
    assert 0.88 < sum(row.prospect.profile is not None for row in good) * share < 0.92


def test_nobody_shares_an_address_a_number_or_a_profile(good: Sequence[Row]) -> None:
    people = [row.prospect for row in good]
    for found in (
        [p.email for p in people],
        [p.phone for p in people if p.phone],
        [p.profile.lower() for p in people if p.profile],
    ):
        assert max(Counter(found).values()) == 1


def test_colleagues_share_a_company_and_its_owner(good: Sequence[Row]) -> None:
    companies = Counter(row.prospect.company for row in good)
    assert 570 < len(companies) < 630
    assert max(companies.values()) == 5
    owners = {(row.prospect.company, row.prospect.owner_id) for row in good}
    assert len(owners) == len(companies)


def test_every_rep_gets_about_an_eighth(good: Sequence[Row], accounts: Accounts) -> None:
    owned = Counter(row.prospect.owner_id for row in good)
    assert set(owned) == set(accounts.owner_by_id)
    assert min(owned.values()) > 150
    assert max(owned.values()) < 220


def test_names_keep_their_letters_and_addresses_are_plain(good: Sequence[Row]) -> None:
    names = "".join(
        f"{r.prospect.fields['first_name']}{r.prospect.fields['last_name']}" for r in good
    )
    assert set("éøłşñãőčğßğžńıæöüçÉØŁŞÖÅōūŌ") <= set(names)
    assert re.search("[Α-ω]", names)
    assert re.search("[А-я]", names)
    assert all((row.prospect.email or "").isascii() for row in good)


def test_numbers_belong_to_nobody(good: Sequence[Row]) -> None:
    for row in good:
        phone, country = row.prospect.phone, row.prospect.country or ""
        if phone is None:
            continue
        if country in FICTION:
            assert re.fullmatch(FICTION[country], phone), phone
        else:  # the right length, and no such prefix
            assert not phonenumbers.is_valid_number(phonenumbers.parse(phone)), phone


def test_a_zone_left_to_the_phone_is_the_one_that_colleagues_wrote(
    rows: Sequence[Mapping[str, str]], flawed: Mapping[int, Flaw], accounts: Accounts
) -> None:
    right = [row for n, row in enumerate(rows) if n not in flawed]
    written = {row["Company"]: row["Time zone"] for row in right if row["Time zone"]}
    told = [r for r in right if r["Country"] in ("US", "CA") and not r["Time zone"]]
    assert len(told) > 20
    compared = [r for r in told if r["Company"] in written]
    assert len(compared) > 10
    for row in compared:
        assert checked(row, accounts).prospect.time_zone == written[row["Company"]]


@pytest.mark.parametrize("country", ["FR", "GB", "JP", "IN", "NO"])
def test_countries_with_one_zone_need_none(
    country: str, rows: Sequence[Mapping[str, str]], flawed: Mapping[int, Flaw]
) -> None:
    mine = [r for n, r in enumerate(rows) if n not in flawed and r["Country"] == country]
    assert mine
    assert not any(row["Time zone"] for row in mine)


def test_other_seeds_and_sizes_are_as_good(accounts: Accounts) -> None:
    made = make_up(2_040, seed=7).rows
    seen: set[str] = set()
    verdicts = Counter(verdict(row, accounts, seen)[0] for row in made)
    assert verdicts == {"enrolled": 2_000, "rejected": 32, "duplicate": 8}
    assert make_up(2_040, seed=7).rows == made
    assert make_up(2_040, seed=8).rows != made


def test_the_script_prints_the_file_whatever_the_locale() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console.demo.make_prospects", "--rows", "60", "--seed", "3"],
        capture_output=True,
        check=True,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout.decode() == as_csv(make_up(60, seed=3).rows)


def test_the_script_refuses_to_make_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rows", "0"])
    assert "--rows must be 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Γιώργος", "giorgos"),
        ("Παπαδοπούλου", "papadopoulou"),
        ("Щерева", "shtereva"),
        ("Йордан", "yordan"),
        ("İlker", "ilker"),
        ("Işıl", "isil"),
        ("Łuczak", "luczak"),
        ("Großkopf", "grosskopf"),
        ("Crèvecœur", "crevecoeur"),
        ("Jun'ichi", "junichi"),
        ("de la Cruz", "de-la-cruz"),
    ],
)
def test_names_in_ascii(name: str, plain: str) -> None:
    assert ascii_name(name) == plain


def test_every_sender_takes_its_accounts(any_accounts: Accounts) -> None:
    for account in any_accounts.accounts:
        if account.channel == Channel.EMAIL:
            settings, password = smtp_settings(account)
            assert (settings.host, settings.port) == ("127.0.0.1", 2525)
            assert password is not None
            assert password.get_secret_value() == DEMO_ENVIRONMENT["DEMO_SMTP_PASSWORD"]
        elif account.channel == Channel.SMS:
            assert TwilioSender.route(account).startswith("twilio:http://127.0.0.1:8001:AC")
        elif account.channel == Channel.SOCIAL:
            assert UnipileSender.route(account).startswith("unipile:http://127.0.0.1:8002:unipile-")
        else:
            assert WebhookSender.route(account).startswith("webhook:")
            assert account.address == "http://127.0.0.1:8003/hooks"


def test_all_mailboxes_share_one_login_and_its_connections(any_accounts: Accounts) -> None:
    mailboxes = [a for a in any_accounts.accounts if a.channel == Channel.EMAIL]
    assert len({smtp_settings(account)[0].route for account in mailboxes}) == 1


def test_everybody_in_the_files_is_made_up(any_accounts: Accounts) -> None:
    for account in any_accounts.accounts:
        if account.channel == Channel.EMAIL:
            assert account.address.endswith(".example")
        if account.channel == Channel.SMS:
            assert re.fullmatch(FICTION["US"], account.address)
    for owner in any_accounts.owners:
        assert owner.email.endswith("@reps.cadenza-demo.example")
        assert owner.signature.splitlines()[1] == owner.name
        assert owner.phone in owner.signature


def test_no_rep_and_no_account_has_a_prospects_number(
    good: Sequence[Row], any_accounts: Accounts
) -> None:
    theirs = {row.prospect.phone for row in good}
    ours = {owner.phone.replace(" ", "") for owner in any_accounts.owners}
    ours |= {a.address for a in any_accounts.accounts}
    assert not theirs & ours


def test_the_demos_accounts(accounts: Accounts) -> None:
    sending = [a for a in accounts.accounts if a.group == "outreach"]
    assert Counter(a.channel for a in sending) == {"email": 16, "sms": 3, "social": 8}
    domains = {a.address.partition("@")[2] for a in sending if a.channel == Channel.EMAIL}
    assert len(domains) == 3
    assert {name: p.per_second for name, p in accounts.providers.items()} == {
        "smtp": 500,
        "twilio": 200,
        "unipile": 200,
    }


def test_a_prospect_hears_from_their_own_rep(good: Sequence[Row], accounts: Accounts) -> None:
    by_owner = Counter((a.channel, a.owner) for a in accounts.accounts if a.group == "outreach")
    for owner in accounts.owners:
        assert by_owner[Channel.EMAIL, owner.id] == 2
        assert by_owner[Channel.SOCIAL, owner.id] == 1
    assert by_owner[Channel.SMS, None] == 3


def test_the_small_teams_accounts(small_accounts: Accounts) -> None:
    sending = [a for a in small_accounts.accounts if a.group == "outreach"]
    assert Counter(a.channel for a in sending) == {"email": 5, "sms": 1, "social": 2}
    assert len(small_accounts.owners) == 5
    room = Counter[str]()
    for account in sending:
        room[account.channel] += account.limits.per_day
    assert room == {"email": 250, "sms": 200, "social": 80}


def test_the_quarters_twenty_accounts_have_limits_of_every_scope(
    quarter_accounts: Accounts,
) -> None:
    sending = [a for a in quarter_accounts.accounts if a.group != "notices"]
    assert Counter(a.channel for a in sending) == {"email": 10, "sms": 5, "social": 3, "webhook": 2}
    assert {row.scope for row in quarter_accounts.limits} == set(
        get_args(LimitRow.model_fields["scope"].annotation)
    ) - {"provider"}
    assert set(quarter_accounts.providers) == {"smtp", "twilio", "unipile"}
    said = {n for a in sending for n in Limits.model_fields if getattr(a.limits, n)}
    assert set(Limits.model_fields) - said == {"zone"}
    # Nobody's health is judged less strictly than everywhere.
    assert all(a.health == Health() for a in quarter_accounts.accounts)


def test_the_quarters_prospects_live_in_many_zones_that_change_their_clocks(
    good: Sequence[Row],
) -> None:
    zones = {row.prospect.time_zone for row in good}
    assert len(zones) > 15
    first, last = (datetime(2027, month, 6, 12, tzinfo=UTC) for month in (9, 12))
    moved = Counter[str]()
    for zone in zones:
        before, after = (moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in (first, last))
        assert before is not None
        assert after is not None
        moved["later" if after > before else "earlier" if after < before else "not"] += 1
    assert min(moved["later"], moved["earlier"], moved["not"]) >= 3, moved


def test_outside_the_demo_the_files_say_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DEMO_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="DEMO_SMTP_PORT is not set"):
        load_accounts(Path(str(DATA / "accounts.yaml")))
