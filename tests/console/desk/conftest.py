"""A desk for each test."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from cadenza.accounts import Accounts
from tests.console.desk.desk import ACCOUNTS, MIXED, Desk
from tests.support.pipeline import pipeline


@pytest.fixture
def environment(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The settings of a shell; gives the folder of its files."""
    for name in [name for name in os.environ if name.startswith("CADENZA_")]:
        monkeypatch.delenv(name)
    with (tmp_path / "accounts.yaml").open("w") as file:
        YAML().dump(dict(ACCOUNTS), file)
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEYS": "k" * 32,
        "ACCOUNTS_FILE": str(tmp_path / "accounts.yaml"),
        "PUBLIC_URL": "https://go.example",
        "MAIL_DOMAIN": "a.example",
        "INSTANCE": "test",
        "CLOCK_FILE": str(tmp_path / "clock"),
    }.items():
        monkeypatch.setenv(f"CADENZA_{name}", value)
    return tmp_path


@pytest.fixture
async def desk(environment: Path, database_url: str, redis_url: str) -> AsyncIterator[Desk]:
    """A desk, on Monday 2026-03-02, 10:00 UTC, with the cadence `mixed` applied."""
    file = Accounts.model_validate(ACCOUNTS)
    async with pipeline(database_url, redis_url, file=file, sources=MIXED) as line:
        yield Desk(
            line=line, folder=environment, redis_url=redis_url, clock_file=environment / "clock"
        )
