"""What the accounts file says about a relay, under `settings` of an SMTP account."""

import hashlib
import re
import socket
import ssl
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from cadenza.accounts import SenderAccount
from cadenza.errors import ConfigurationError
from senders.email_smtp.addresses import wire_address
from senders.settings import ProviderSettings, read_settings

_PORTS = {"none": 25, "starttls": 587, "tls": 465}
_HOST_NAME = r"^[A-Za-z0-9:](?:[A-Za-z0-9.:-]{0,253}[A-Za-z0-9])?$"
_HELO = r"^[A-Za-z0-9\[][A-Za-z0-9.:\]-]{0,254}$"


class SmtpSettings(ProviderSettings):
    """host: name or IP address of the relay. port: 587, 465 or 25, by `tls`, if left out.

    tls: `starttls`, `tls` (from the first octet) or `none`: only said on
    purpose, everything is readable on the way. username: needs
    `secrets.password`. connections: how many are open at once, at most.
    timeout_seconds: for each answer. helo: what this host calls itself.
    ca_file: PEM certificates to trust instead of the system's.
    """

    host: str = Field(pattern=_HOST_NAME)
    port: int | None = Field(default=None, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = Field(default=None, min_length=1)
    connections: int = Field(default=2, ge=1, le=64)
    timeout_seconds: float = Field(default=60, gt=0, le=600)
    helo: str | None = Field(default=None, pattern=_HELO)
    ca_file: Path | None = None

    @property
    def relay_port(self) -> int:
        """The port to connect to."""
        return self.port if self.port is not None else _PORTS[self.tls]

    @property
    def relay(self) -> str:
        """The relay's name for messages."""
        return f"{self.host}:{self.relay_port}"

    @property
    def route(self) -> str:
        """Equal for accounts that log in to the same relay in the same way."""
        said = self.model_dump_json().encode()
        return f"smtp:{self.relay}:{hashlib.blake2s(said, digest_size=8).hexdigest()}"

    def host_name(self) -> str:
        """What to say in EHLO."""
        if self.helo is not None:
            return self.helo
        name = socket.gethostname()
        return name if re.fullmatch(_HELO, name) else "localhost"

    def tls_context(self) -> ssl.SSLContext:
        """Checks certificate and host name. Reads files: call it in a thread."""
        return ssl.create_default_context(cafile=self.ca_file)


def smtp_settings(account: SenderAccount) -> tuple[SmtpSettings, SecretStr | None]:
    """The settings and the password of `account`.

    Raises ConfigurationError that says what to write instead.
    """
    has_login = "username" in account.settings
    settings = read_settings(SmtpSettings, account, secrets={"password"} if has_login else ())
    where = f"account {account.id!r} (smtp)"
    if wire_address(account.address) is None:
        raise ConfigurationError(f"{where}: address: write the mailbox's mail address")
    if settings.ca_file is not None and not settings.ca_file.is_file():
        raise ConfigurationError(f"{where}: settings.ca_file: there is no file {settings.ca_file}")
    return settings, account.secrets.get("password")
