"""Settings: secrets that anybody could guess are none."""

from pathlib import Path

import pytest

from cadenza.errors import ConfigurationError
from cadenza.settings import Settings

_REST = {
    "DATABASE_URL": "postgresql:///unused",
    "REDIS_URL": "redis://unused",
    "SECRET_KEYS": "the key that signs now",
    "ACCOUNTS_FILE": "unused.yaml",
    "PUBLIC_URL": "https://go.example.com",
    "MAIL_DOMAIN": "reply.example.com",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _REST.items():
        monkeypatch.setenv(f"CADENZA_{name}", value)


@pytest.mark.parametrize("name", ["API_TOKEN", "UNIPILE_WEBHOOK_SECRET"])
def test_an_empty_secret_is_none(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(f"CADENZA_{name}", "")
    assert getattr(Settings.load(), name.lower()) is None
    monkeypatch.delenv(f"CADENZA_{name}")
    (tmp_path / "secret").write_text("\n")
    monkeypatch.setenv(f"CADENZA_{name}_FILE", str(tmp_path / "secret"))
    assert getattr(Settings.load(), name.lower()) is None


@pytest.mark.parametrize("name", ["API_TOKEN", "UNIPILE_WEBHOOK_SECRET"])
def test_a_short_secret_is_refused_and_not_shown(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CADENZA_{name}", "hunter2")
    with pytest.raises(ConfigurationError) as refused:
        Settings.load()
    assert f"CADENZA_{name}: needs at least 16 characters" in str(refused.value)
    assert "hunter2" not in str(refused.value)
