"""Settings of one process, read once at the edge from `CADENZA_…` variables.

A variable `CADENZA_X_FILE` names a file that holds the value of `CADENZA_X`,
for secrets mounted by an orchestrator.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cadenza.errors import ConfigurationError

_PREFIX = "CADENZA_"
_LEAST_SECRET = 16


class Settings(BaseSettings):
    """Everything that may differ between deployments and is not in the accounts file.

    database_url: `postgresql://…`. redis_url: `redis://…` or `unix://…`.
    secret_keys: sign links and reply addresses; comma separated, the first
    signs, all verify. public_url: where prospects' clients and providers
    reach the gateway. mail_domain: domain whose MX is the mailbox reader.
    clock_file: shared offset of a time-lapse; unset in production.
    instance: what this deployment is called; another one's database is not
    touched. follows_failover: a standby that takes over goes on by itself.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="ignore", frozen=True)

    database_url: str
    redis_url: str
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(min_length=1)
    accounts_file: Path
    public_url: str = Field(pattern=r"^https?://[^/]+(/.*)?$")
    mail_domain: str = Field(pattern=r"^[a-z0-9.-]+$")
    api_token: SecretStr | None = None
    unipile_webhook_secret: SecretStr | None = None

    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(default=8600, ge=0, le=65535)
    mailbox_host: str = "127.0.0.1"
    mailbox_port: int = Field(default=8625, ge=0, le=65535)
    exporter_host: str = "127.0.0.1"
    exporter_port: int = Field(default=9464, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65535)

    clock_file: Path | None = None
    instance: str = Field(default="", max_length=200)
    follows_failover: bool = False
    log_level: str = "info"
    worker_threads: int = Field(default=8, ge=1, le=64)
    worker_poll_milliseconds: int = Field(default=1000, ge=1, le=4000)
    batch_size: int = Field(default=200, ge=1, le=500)
    batch_lease_seconds: float = Field(default=30.0, gt=0)
    shard_lease_seconds: float = Field(default=10.0, gt=0)
    outstanding_batches: int = Field(default=32, ge=1)
    scheduler_idle_seconds: float = Field(default=1.0, gt=0)
    stage_ahead_seconds: float = Field(default=60.0, ge=0)

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("secret_keys")
    @classmethod
    def _long_enough(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < _LEAST_SECRET for key in keys):
            raise ValueError(
                f"each key needs at least {_LEAST_SECRET} characters: try `openssl rand -hex 32`"
            )
        return keys

    @field_validator("api_token", "unipile_webhook_secret")
    @classmethod
    def _hard_to_guess(cls, secret: SecretStr | None) -> SecretStr | None:
        """An empty secret is none: whoever says nothing would know it."""
        if secret is None or not secret.get_secret_value():
            return None
        if len(secret.get_secret_value()) < _LEAST_SECRET:
            raise ValueError(
                f"needs at least {_LEAST_SECRET} characters: try `openssl rand -hex 32`"
            )
        return secret

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, url: str) -> str:
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("write redis://host:6379/0, or unix:///path/to/socket")
        return url

    @field_validator("public_url")
    @classmethod
    def _no_trailing_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @classmethod
    def load(cls) -> Self:
        """Read the environment. Raises ConfigurationError that names each wrong variable."""
        try:
            return cls(**_values_from_files())
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False)
            raise ConfigurationError(_told(problems)) from error


def _told(problems: Sequence[ErrorDetails]) -> str:
    lines = []
    for problem in problems:
        variable = _PREFIX + str(problem["loc"][0]).upper()
        if problem["type"] == "missing":
            lines.append(f"{variable} is not set")
        else:
            lines.append(f"{variable}: {problem['msg'].removeprefix('Value error, ')}")
    if any(problem["type"] == "missing" for problem in problems):
        lines.append(
            "Settings are environment variables (docs/operations.md). For a deployment that "
            "`cadenza up` or `cadenza demo --keep` started: `. var/env` or `. var/demo/env`"
        )
    return "\n".join(lines)


def _values_from_files() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, path in os.environ.items():
        if not (variable.startswith(_PREFIX) and variable.endswith("_FILE")):
            continue
        name = variable.removeprefix(_PREFIX).removesuffix("_FILE").lower()
        if name not in Settings.model_fields:
            continue  # CADENZA_ACCOUNTS_FILE and CADENZA_CLOCK_FILE are settings themselves
        try:
            values[name] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{variable}: cannot read {path}: {error.strerror}") from error
    return values
