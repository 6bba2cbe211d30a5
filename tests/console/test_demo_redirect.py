"""The demo sends to the sandbox alone, whatever accounts file it is given."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from cadenza.accounts import load_accounts
from cadenza.errors import ConfigurationError
from console.demo.redirect import redirect_accounts

START = date(2027, 9, 6)
PORTS = {"smtp": 2525, "sms": 8081, "social": 8082, "webhook": 8083}

REAL = """
organisation: {name: Acme, postal_address: 1 Road}
owners: [{id: ann, name: Ann, email: ann@acme.example}]
accounts:
  - id: mail
    channel: email
    provider: smtp
    address: ann@acme.example
    limits: {per_day: 33}
    settings: {host: smtp.acme.example, tls: tls, username: ann}
    secrets: {password: {env: ACME_PASSWORD_THAT_IS_NOT_SET}}
  - id: text
    channel: sms
    provider: twilio
    address: "+12025550123"
    settings: {account_sid: ACffffffffffffffffffffffffffffffff}
    secrets: {auth_token: {file: /nonexistent/token}}
  - id: profile
    channel: social
    provider: unipile
    address: xyz
    settings: {api_base: "https://api1.unipile.example"}
    secrets: {api_key: {env: NOPE}}
  - id: crm
    channel: webhook
    provider: http
    address: https://crm.acme.example/hooks?token=x
    secrets: {signing: {env: NOPE}}
"""


def test_no_server_of_the_file_is_left_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEMO_SMTP_PASSWORD", "DEMO_SMS_TOKEN", "DEMO_SOCIAL_KEY", "DEMO_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, "made-up")
    source, target = tmp_path / "real.yaml", tmp_path / "demo.yaml"
    source.write_text(REAL)
    redirect_accounts(source, target, PORTS, START)
    written = target.read_text()
    assert "acme.example:" not in written
    assert "unipile.example" not in written
    accounts = load_accounts(target)
    mail, text, profile, crm = accounts.accounts
    assert crm.address == "http://127.0.0.1:8083/hooks"
    assert "crm.acme.example" not in written
    assert mail.settings["host"] == "127.0.0.1"
    assert mail.settings["port"] == PORTS["smtp"]
    assert text.settings["api_base"] == "http://127.0.0.1:8081"
    assert profile.settings["api_base"] == "http://127.0.0.1:8082"
    assert mail.limits.per_day == 33


def test_the_first_ramp_begins_with_the_run_and_the_others_as_much_later_as_they_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEMO_SMTP_PASSWORD", "DEMO_SMS_TOKEN", "DEMO_SOCIAL_KEY", "DEMO_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, "made-up")
    source, target = tmp_path / "real.yaml", tmp_path / "demo.yaml"
    numbers = 'address: "+12025550123"\n    limits: {ramp: {since: 2026-03-17}}'
    source.write_text(
        REAL.replace("{per_day: 33}", "{per_day: 33, ramp: {since: 2026-03-03}}").replace(
            'address: "+12025550123"', numbers
        )
    )
    redirect_accounts(source, target, PORTS, START)
    ramps = [account.limits.ramp for account in load_accounts(target).accounts]
    assert [ramp.since for ramp in ramps if ramp] == [START, START + timedelta(days=14)]


def test_a_provider_that_the_sandbox_does_not_play_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "real.yaml"
    source.write_text(REAL.replace("provider: twilio", "provider: pigeon"))
    with pytest.raises(ConfigurationError, match=r"account 'text'.*pigeon"):
        redirect_accounts(source, tmp_path / "demo.yaml", PORTS, START)


def test_a_file_that_is_no_yaml_is_said(tmp_path: Path) -> None:
    source = tmp_path / "real.yaml"
    source.write_text("accounts: [")
    with pytest.raises(ConfigurationError, match=r"real\.yaml"):
        redirect_accounts(source, tmp_path / "demo.yaml", PORTS, START)
