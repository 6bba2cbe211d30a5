"""The accounts file: what it may say, and what is said about one that is wrong."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from cadenza.abc import Draw
from cadenza.accounts import Accounts, Health, Ramp, Record, load_accounts, parse_period
from cadenza.errors import ConfigurationError
from cadenza.limits import LimitRules, reasons
from cadenza.model import Channel, Profile, ProspectId
from cadenza.pacing.book import FOLLOW_UPS_FIRST

SMALLEST = """\
organisation: {name: Acme, postal_address: 1 Road}
owners:
  - {id: ada, name: Ada Lovelace, email: ada@reps.example}
accounts:
  - {id: mail, channel: email, provider: smtp, address: ada@acme.example}
"""
MAIL = "address: ada@acme.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.yaml"


def load(path: Path, text: str) -> Accounts:
    path.write_text(text, encoding="utf-8")
    return load_accounts(path)


def with_mail(more: str) -> str:
    """The smallest file, with more said about its account."""
    return SMALLEST.replace(MAIL, f"{MAIL}, {more}")


def test_the_smallest_file_gets_defaults(path: Path) -> None:
    accounts = load(path, SMALLEST)
    (account,) = accounts.accounts
    assert (account.channel, account.group, account.owner) == (Channel.EMAIL, "default", None)
    limits = account.limits
    assert (limits.per_day, limits.min_gap, limits.gap_jitter) == (50, timedelta(minutes=10), 0.3)
    assert accounts.organisation.time_zone == "UTC"
    assert accounts.account_by_id["mail"] is account
    assert accounts.owner_by_id["ada"].name == "Ada Lovelace"


def test_limits_are_written_as_people_say_them(path: Path) -> None:
    more = (
        "limits: {per_day: 60, min_gap: 3 minutes, gap_jitter: 25%}}\n"
        "providers: {smtp: {per_second: 100}"
    )
    accounts = load(path, with_mail(more))
    assert accounts.accounts[0].limits.min_gap == timedelta(minutes=3)
    assert accounts.accounts[0].limits.gap_jitter == 0.25
    assert accounts.providers["smtp"].per_second == 100


def test_a_provider_may_have_nothing_but_a_rolling_limit(path: Path) -> None:
    providers = f"{SMALLEST}providers: {{smtp: {{rolling: {{7 days: 300}}}}}}"
    rolling = load(path, providers).providers["smtp"].rolling
    assert rolling == {parse_period("rolling 7 days"): 300}


def test_settings_and_secrets_are_read_from_the_environment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_PORT", "2525")
    monkeypatch.setenv("RELAY_PASSWORD", "hunter2")
    account = load(
        path,
        with_mail(
            "settings: {host: relay.example, port: {env: RELAY_PORT}}, "
            "secrets: {password: {env: RELAY_PASSWORD}}"
        ),
    ).accounts[0]
    assert account.settings == {"host": "relay.example", "port": "2525"}
    assert account.secrets["password"].get_secret_value() == "hunter2"
    assert "hunter2" not in repr(account)


def test_settings_and_secrets_are_read_from_files_without_their_last_line_break(
    path: Path, tmp_path: Path
) -> None:
    file = tmp_path / "said"
    file.write_text("clé\n", encoding="utf-8")
    more = f"settings: {{a: {{file: {file}}}}}, secrets: {{b: {{file: {file}}}}}"
    account = load(path, with_mail(more)).accounts[0]
    assert account.settings == {"a": "clé"}
    assert account.secrets["b"].get_secret_value() == "clé"


def test_settings_that_are_mappings_of_another_kind_stay_as_they_are(path: Path) -> None:
    text = with_mail("settings: {headers: {env: A, file: B}, list: [1, {env: 2}]}")
    assert load(path, text).accounts[0].settings == {
        "headers": {"env": "A", "file": "B"},
        "list": [1, {"env": 2}],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write `organisation`, `owners` and `accounts` into it"),
        ("- mail", "write `organisation`, `owners` and `accounts` into it"),
        ("a: [1,\n b: {", ":2:6: not valid YAML: expected the node content"),
        ("a: *b", ":1:4: not valid YAML: found undefined alias"),
        (f"{SMALLEST}owners: []", ":6:1: not valid YAML: found duplicate key"),
        ("a: \x01", "not valid YAML: unacceptable character"),
        ("a: !!python/name:os.system x", ":1:4: not valid YAML: could not determine"),
        (f"{SMALLEST}owner: []", ": owner: is not known here: correct its name or remove it"),
        (SMALLEST.replace("Acme", '""'), ": organisation.name: String should have at least 1"),
        (
            SMALLEST.replace(", postal_address: 1 Road", ""),
            ": organisation.postal_address: is miss",
        ),
        (
            SMALLEST.replace("Road", "Road, time_zone: Mars/Base"),
            ": organisation.time_zone: 'Mars/Base' is not a time zone: write for instance",
        ),
        (
            SMALLEST.replace("Road", "Road, follow_ups_first: 100%"),
            ": organisation.follow_ups_first: write at most 95%: with more, people who were not",
        ),
        (
            SMALLEST.replace("Road", "Road, notify_from: ada"),
            ": organisation.notify_from: 'ada' is not the id of an email account",
        ),
        (
            SMALLEST.replace("id: ada", "id: Ada L"),
            ": owners.0 (Ada L).id: write at most 63 lower-case letters, digits, `.`, `_` or `-`",
        ),
        (SMALLEST.replace("id: ada, ", ""), ": owners.0.id: is missing: add it"),
        (
            SMALLEST.replace("id: mail, ", f"id: {'a' * 64}, "),
            ".id: write at most 63 lower-case letters",
        ),
        (
            SMALLEST.replace("channel: email", "channel: fax"),
            ": accounts.0 (mail).channel: write email, sms, social or webhook",
        ),
        (
            SMALLEST.replace("channel: email", "channel: task"),
            ": accounts.0 (mail).channel: write email, sms, social or webhook",
        ),
        (
            with_mail("limits: {per_day: 0}"),
            ": accounts.0 (mail).limits.per_day: Input should be greater than or equal to 1",
        ),
        (
            with_mail("limits: {min_gap: soon}"),
            ".limits.min_gap: 'soon' is not a span of time: write for instance `10 minutes`",
        ),
        (
            with_mail("secrets: {password: hunter2}"),
            ".secrets.password: write {env: NAME} or {file: PATH}, never the secret itself",
        ),
        (
            with_mail("secrets: {password: {env: [NO]}}"),
            ".secrets.password: write {env: NAME} or {file: PATH}, never the secret itself",
        ),
        (
            with_mail("secrets: {password: {file: /dev/null}}"),
            ".secrets.password: the secret is empty: put it into that variable or file",
        ),
        (
            with_mail("secrets: {password: {env: NOT_SET_ANYWHERE}}"),
            ".secrets.password: the environment variable NOT_SET_ANYWHERE is not set",
        ),
        (
            with_mail("settings: {host: {env: NOT_SET_ANYWHERE}}"),
            ".settings.host: the environment variable NOT_SET_ANYWHERE is not set",
        ),
        (
            with_mail("settings: {host: {file: /not/there}}"),
            ".settings.host: cannot read /not/there: No such file or directory",
        ),
        (
            with_mail("}\n  - {id: mail, channel: sms, provider: x, address: y"),
            ": account ids must differ; twice: mail",
        ),
        (
            SMALLEST.replace("owners:", "owners:\n  - {id: ada, name: B, email: b@reps.example}"),
            ": owner ids must differ; twice: ada",
        ),
        (
            with_mail("owner: bob"),
            ": account 'mail' names owner 'bob', who is not under `owners`: add them or remove",
        ),
        (f"{SMALLEST}providers: {{smtp: {{per_second: 0}}}}", ": providers.smtp.per_second: Input"),
        (f"{SMALLEST}providers: {{smtp: {{zone: UTC}}}}", ": providers.smtp: write at least one"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_the_mend(
    path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, text)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_every_problem_has_its_line(path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, with_mail("limits: {per_day: 0}").replace("name: Acme", "name: ''"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_secret_written_into_the_file_is_not_repeated(path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, with_mail("secrets: {password: hunter2}"))
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_is_named(path: Path) -> None:
    message = f"{path}: cannot read the accounts file: No such file or directory"
    with pytest.raises(ConfigurationError, match=message):
        load_accounts(path)


def test_files_that_are_not_text_are_named(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="not text in UTF-8: save it as UTF-8"):
        load_accounts(path)
    binary = tmp_path / "key"
    binary.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=f"cannot read {binary}: it is not text in UTF-8"):
        load(path, with_mail(f"secrets: {{key: {{file: {binary}}}}}"))


def profile(number: int, owner: str = "ada") -> Profile:
    return Profile(
        prospect_id=ProspectId(number), key=f"id:{number}", email=None, phone=None, profile=None,
        time_zone="UTC", country=None, locale=None, owner_id=owner, fields={},
    )  # fmt: skip


OWNED = """\
organisation: {name: Acme, postal_address: 1 Road}
owners:
  - {id: ada, name: Ada, email: ada@reps.example}
  - {id: bob, name: Bob, email: bob@reps.example}
accounts:
  - {id: ada-1, channel: email, provider: smtp, address: a@acme.example, owner: ada}
  - {id: ada-2, channel: email, provider: smtp, address: b@acme.example, owner: ada}
  - {id: all-1, channel: email, provider: smtp, address: c@acme.example}
  - {id: text, channel: sms, provider: twilio, address: "+12025550141", group: other}
"""


def chosen(accounts: Accounts, owner: str, people: int = 400) -> dict[int, str]:
    found = {n: accounts.choose(Channel.EMAIL, "default", profile(n, owner)) for n in range(people)}
    return {n: account.id for n, account in found.items() if account is not None}


def test_an_owners_own_accounts_share_their_prospects_and_others_use_nobodys(path: Path) -> None:
    accounts = load(path, OWNED)
    adas = chosen(accounts, "ada")
    assert len(adas) == 400
    assert 150 < list(adas.values()).count("ada-1") < 250
    assert set(adas.values()) == {"ada-1", "ada-2"}
    assert set(chosen(accounts, "bob").values()) == {"all-1"}


def test_a_new_account_takes_over_only_its_own_share(path: Path) -> None:
    before = chosen(load(path, OWNED), "ada")
    more = "  - {id: ada-3, channel: email, provider: smtp, address: d@acme.example, owner: ada}\n"
    after = chosen(load(path, OWNED + more), "ada")
    moved = {n for n in before if before[n] != after[n]}
    assert {after[n] for n in moved} == {"ada-3"}
    assert 90 < len(moved) < 180


def test_no_account_is_chosen_from_another_group(path: Path) -> None:
    accounts = load(path, OWNED)
    assert accounts.choose(Channel.SMS, "default", profile(1)) is None
    assert accounts.choose(Channel.SOCIAL, "default", profile(1)) is None
    assert accounts.choose(Channel.SMS, "other", profile(1)) is accounts.account_by_id["text"]


WEIGHTED = """\
organisation: {name: Acme, postal_address: 1 Road}
owners:
  - {id: ada, name: Ada, email: ada@reps.example}
accounts:
  - {id: much, channel: email, provider: smtp, address: a@acme.example, weight: 3}
  - {id: little, channel: email, provider: smtp, address: b@acme.example}
  - {id: spare, channel: email, provider: smtp, address: c@acme.example, weight: 0}
"""


def test_new_people_are_shared_out_by_weight(path: Path) -> None:
    accounts = load(path, WEIGHTED)
    shares = Counter(chosen(accounts, "ada", people=2_000).values())
    assert set(shares) == {"much", "little"}
    assert 1_400 < shares["much"] < 1_600


def test_who_was_touched_from_an_account_stays_unless_it_is_gone(path: Path) -> None:
    accounts = load(path, WEIGHTED)

    def choose(sticky: str, **resting: set[str]) -> str | None:
        found = accounts.choose(Channel.EMAIL, "default", profile(1), sticky=sticky, **resting)
        return found.id if found else None

    assert choose("spare") == "spare"
    assert choose("spare", paused={"spare"}) == "spare"
    assert choose("spare", retired={"spare"}) in ("much", "little")
    assert choose("unknown") in ("much", "little")
    everybody = {"much", "little", "spare"}
    assert choose("unknown", paused=everybody) in ("much", "little")
    assert choose("unknown", retired=everybody) is None


def test_new_people_do_not_wait_for_an_account_that_rests(path: Path) -> None:
    accounts = load(path, WEIGHTED)
    for n in range(50):
        found = accounts.choose(Channel.EMAIL, "default", profile(n), paused={"much"})
        assert found is accounts.account_by_id["little"]


def test_a_ramp_says_what_each_day_may_send() -> None:
    ramp = Ramp(start=10, step=5, ceiling=50, since=date(2026, 3, 2))
    caps = [ramp.cap_on(date(2026, 3, 1) + n * timedelta(days=1)) for n in range(12)]
    assert caps == [0, 10, 15, 20, 25, 30, 35, 40, 45, 50, 50, 50]
    weekly = Ramp(start=2, step=3, every=timedelta(days=7), ceiling=9, since=date(2026, 3, 2))
    assert [weekly.cap_on(date(2026, 3, day)) for day in (2, 8, 9, 16, 23, 30)] == [
        2,
        2,
        5,
        8,
        9,
        9,
    ]


@pytest.mark.parametrize(
    ("sent", "bounced", "complained", "objection"),
    [
        (49, 49, 49, None),
        (100, 5, 0, None),
        (100, 6, 0, "bounce_rate"),
        (50, 4, 0, None),
        (100, 0, 1, None),
        (100, 0, 2, "complaint_rate"),
        (1_000, 0, 3, None),
        (1_000, 0, 4, "complaint_rate"),
        (1_000, 60, 4, "complaint_rate"),
    ],
)
def test_health_is_judged_by_rates_and_never_below_its_floor(
    sent: int, bounced: int, complained: int, objection: str | None
) -> None:
    record = Record(sent=sent, bounced=bounced, complained=complained)
    assert Health().objection(record) == objection


@pytest.mark.parametrize(
    ("text", "shown", "is_rate"),
    [
        ("second", "rolling 1 second", True),
        ("10 minutes", "rolling 10 minutes", True),
        ("hour", "hour", False),
        ("1 day", "day", False),
        ("month", "month", False),
        ("rolling hour", "rolling 1 hour", False),
        ("rolling 30 days", "rolling 30 days", False),
    ],
)
def test_periods_are_written_as_people_say_them(text: str, shown: str, is_rate: bool) -> None:
    period = parse_period(text)
    assert (str(period), period.is_rate) == (shown, is_rate)


@pytest.mark.parametrize(
    "text", ["", "2 days", "fortnight", "rolling", "rolling 400 days", "0 seconds"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="period"):
        parse_period(text)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("scope: galaxy, at_most: 1, per: day", "limits.0.scope: Input should be 'deployment'"),
        ("scope: domain, at_most: 0, per: day", "limits.0.at_most: Input should be greater"),
        ("scope: domain, at_most: 9, per: 3 days", "'3 days' is not a period of the calendar"),
        ("scope: deployment, match: x, at_most: 1, per: day", "remove `match`"),
        ("scope: channel, match: fax, at_most: 1, per: day", "write email, sms, social or web"),
        ("scope: account, match: no, at_most: 1, per: day", "there is no account 'no' in this"),
        ("scope: provider, match: x, at_most: 1, per: day", "there is no provider 'x' in this"),
    ],
)
def test_a_wrong_limit_is_refused_with_the_mend(path: Path, row: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(path, f"{SMALLEST}limits:\n  - {{{row}}}\n")
    assert message in str(caught.value)


def test_two_entries_that_count_the_same_are_refused(path: Path) -> None:
    rows = """limits:
  - {scope: domain, match: gmail.com, at_most: 20, per: day}
  - {scope: domain, match: Gmail.com, at_most: 5, per: 1 day}
"""
    with pytest.raises(ConfigurationError, match=r"limits\.1 counts the same as limits\.0"):
        load(path, SMALLEST + rows)


def test_entries_below_an_hour_count_texts_in_segments(path: Path) -> None:
    rows = "limits:\n  - {scope: deployment, at_most: 10, per: second}\n"
    accounts = load(path, SMALLEST + rows)
    draw = Draw(account=accounts.accounts[0], segments=3)
    costs = {q.reason: q.cost for q in LimitRules(accounts).quotas(draw)}
    assert costs["deployment_limit"] == 3


def test_an_entry_with_a_match_stands_in_for_the_one_without(path: Path) -> None:
    rows = """limits:
  - {scope: domain, at_most: 20, per: hour}
  - {scope: domain, match: Gmail.com, at_most: 5, per: hour}
  - {scope: domain, match: gmail.com, at_most: 40, per: day}
"""
    accounts = load(path, SMALLEST + rows)
    rules = LimitRules(accounts)

    def caps(domain: str) -> list[tuple[str, int]]:
        draw = Draw(account=accounts.accounts[0], domain=domain)
        found = [cap for cap in rules.caps(draw) if cap.reason == "domain_limit"]
        assert all(domain not in cap.key for cap in found)
        return sorted((str(cap.window.period), cap.at_most) for cap in found)

    assert caps("acme.example") == [("hour", 20)]
    assert caps("gmail.com") == [("day", 40), ("hour", 5)]


def test_every_reason_of_a_rule_is_in_the_monitoring_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    missing = [reason for reason in [*reasons(), FOLLOW_UPS_FIRST] if f"`{reason}`" not in page]
    assert missing == []


def test_the_file_to_begin_with_is_a_good_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANN_SMTP_PASSWORD", "secret")
    page = (Path(__file__).parents[3] / "docs" / "sending.md").read_text(encoding="utf-8")
    accounts = load(path, page.split("```yaml\n")[1].partition("```")[0])
    assert [account.group for account in accounts.accounts] == ["outreach"]


def test_the_example_of_the_page_on_sending_is_a_good_file(path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "sending.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[2].partition("```")[0]
    owners = "owners:\n  - {id: ann, name: Ann, email: ann@reps.example}\n"
    sms = "  - {id: text, channel: sms, provider: twilio, address: '+12025550141'}\n"
    text = example.replace("\naccounts:\n", f"\n{owners}accounts:\n{sms}", 1)
    accounts = load(path, text)
    assert accounts.account_by_id["mail-ann"].limits.ramp is not None
    assert len(accounts.limits) == 5
