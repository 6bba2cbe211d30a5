"""deploy/make-secrets.sh, and the examples beside it."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from cadenza.accounts import load_accounts
from senders.registry import sender_type
from tests.deploy.compose import ROOT, compose, required_variables

SCRIPT = ROOT / "deploy" / "make-secrets.sh"

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="openssl is not on PATH (Debian: apt-get install openssl)",
)


def _make(directory: Path) -> str:
    done = subprocess.run(
        ["sh", SCRIPT, directory], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def _files(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}


@needs_openssl
def test_it_makes_every_secret_that_compose_wants_and_no_other(tmp_path: Path) -> None:
    _make(tmp_path / "secrets")
    variables = required_variables() | {"SECRETS_DIR": str(tmp_path / "secrets")}
    wanted = {Path(secret["file"]) for secret in compose(variables).secrets.values()}
    assert wanted == {path for path in (tmp_path / "secrets").iterdir() if path.is_file()}


@needs_openssl
def test_passwords_are_long_and_differ(tmp_path: Path) -> None:
    _make(tmp_path)
    made = _files(tmp_path)
    names = [name for name in made if not name.endswith((".conf", "_url"))]
    assert len({made[name] for name in names}) == len(names) == 6
    assert all(len(made[name].strip()) == 64 for name in names)


@needs_openssl
def test_the_urls_carry_the_passwords(tmp_path: Path) -> None:
    _make(tmp_path)
    made = {name: text.strip() for name, text in _files(tmp_path).items()}
    database = make_url(made["database_url"])
    assert (database.host, database.database) == ("postgres", "cadenza")
    assert database.password == made["postgres_password"]
    assert made["redis_url"] == f"redis://:{made['valkey_password']}@valkey:6379/0"
    assert made["valkey_auth.conf"] == f"requirepass {made['valkey_password']}"


@needs_openssl
def test_others_on_the_host_cannot_enter_but_containers_can_read(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    _make(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir() if path.is_file()}
    assert modes == {0o644}
    assert stat.S_IMODE((directory / "accounts").stat().st_mode) == 0o755


@needs_openssl
def test_a_second_run_changes_nothing_and_makes_what_is_missing(tmp_path: Path) -> None:
    _make(tmp_path)
    before = _files(tmp_path)
    (tmp_path / "api_token").unlink()
    said = _make(tmp_path)
    after = _files(tmp_path)
    assert said.count("kept") == len(before) - 1
    assert f"made     {tmp_path}/api_token" in said
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"api_token"}


@needs_openssl
def test_no_secret_is_shown(tmp_path: Path) -> None:
    said = _make(tmp_path)
    for text in _files(tmp_path).values():
        assert text.strip() not in said


def test_the_example_of_an_accounts_file_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "ann_mail_password").write_text("secret\n")
    example = (ROOT / "deploy" / "accounts.example.yaml").read_text(encoding="utf-8")
    path = tmp_path / "accounts.yaml"
    path.write_text(example.replace("/run/secrets/accounts", str(tmp_path)))
    for account in load_accounts(path).accounts:
        assert sender_type(account).route(account)
