"""Who sends: the organisation, the owners (reps) and the sender accounts, from one YAML file.

Credentials are never in the file itself: `{env: NAME}` or `{file: PATH}`
says where each one is, and it is read when the file is loaded. Settings of
providers may come from there too, so that one file serves several places.
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cadenza.errors import ConfigurationError
from cadenza.model import SENDING_CHANNELS, Channel, Profile
from cadenza.timespec import Span, zone

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_MENDS = {
    "missing": "is missing: add it",
    "extra_forbidden": "is not known here: correct its name or remove it",
}


def _resolved(value: Any) -> Any:
    """What `{env: NAME}` or `{file: PATH}` stands for; anything else as it is."""
    match value:
        case {"env": str(name), **rest} if not rest:
            if name not in os.environ:
                raise ValueError(f"the environment variable {name} is not set")
            return os.environ[name]
        case {"file": str(path), **rest} if not rest:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ValueError(f"cannot read {path}: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise ValueError(f"cannot read {path}: it is not text in UTF-8") from error
        case _:
            return value


def _secret(value: Any) -> Any:
    resolved = _resolved(value)
    if resolved is value:
        raise ValueError("write {env: NAME} or {file: PATH}, never the secret itself")
    return resolved


def _sending(value: Any) -> Any:
    if value not in SENDING_CHANNELS:
        raise ValueError("write email, sms or social")
    return value


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("write at most 63 lower-case letters, digits, `.`, `_` or `-`")
    return value


Identifier = Annotated[str, AfterValidator(_identifier)]
Setting = Annotated[Any, BeforeValidator(_resolved)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Organisation(_Strict):
    """The one organisation that a deployment serves.

    postal_address: shown in every sales mail (CAN-SPAM §5(a)(5)).
    time_zone: the zone in which accounts' days begin. notify_from: the mail
    account that owners hear from; the first one if unset.
    """

    name: str = Field(min_length=1)
    postal_address: str = Field(min_length=1)
    time_zone: Annotated[str, AfterValidator(zone)] = "UTC"
    notify_from: str | None = None


class Owner(_Strict):
    """A rep: owns prospects, signs mails, works tasks, hears from Cadenza when someone answers."""

    id: Identifier
    name: str
    email: str
    title: str = ""
    phone: str = ""
    signature: str = ""


class Limits(_Strict):
    """What one account may send. per_day: touches a calendar day. min_gap: between two touches."""

    per_day: int = Field(default=50, ge=1, le=1_000_000)
    min_gap: Span = timedelta()


class SenderAccount(_Strict):
    """A mailbox, phone number or social profile that touches leave from.

    address: the mail address, the E.164 number, or the provider's account id.
    settings: what the provider needs (host, port, account_sid …), checked
    by its sender; a value may be `{env: NAME}` or `{file: PATH}`. group:
    cadences name groups, not accounts. owner: leaves only for this rep's
    prospects if set.
    """

    id: Identifier
    channel: Annotated[Channel, BeforeValidator(_sending)]
    provider: str
    address: str
    name: str = ""
    group: str = "default"
    owner: str | None = None
    limits: Limits = Limits()
    settings: Mapping[str, Setting] = Field(default_factory=dict)
    secrets: Mapping[str, Secret] = Field(default_factory=dict)


class ProviderLimits(_Strict):
    """What all accounts of one provider may send together."""

    per_second: int = Field(ge=1, le=100_000)


class Accounts(_Strict):
    """The whole file."""

    organisation: Organisation
    owners: Sequence[Owner] = Field(min_length=1)
    accounts: Sequence[SenderAccount] = Field(min_length=1)
    providers: Mapping[str, ProviderLimits] = Field(default_factory=dict)

    @cached_property
    def account_by_id(self) -> Mapping[str, SenderAccount]:
        """Accounts by id."""
        return {account.id: account for account in self.accounts}

    @cached_property
    def owner_by_id(self) -> Mapping[str, Owner]:
        """Owners by id."""
        return {owner.id: owner for owner in self.owners}

    def choose(self, channel: Channel, group: str, profile: Profile) -> SenderAccount | None:
        """The account that this prospect's touches on `channel` leave from, always the same.

        The owner's own accounts come first, else those of the group that
        belong to nobody. Highest random weight (rendezvous) hashing, so a
        new account takes over only its own share of prospects.
        """
        able = [a for a in self.accounts if a.channel == channel and a.group == group]
        own = [a for a in able if a.owner == profile.owner_id]
        candidates = own or [a for a in able if a.owner is None]
        if not candidates:
            return None
        return max(candidates, key=lambda a: _weight(a.id, profile.key))


def _weight(account_id: str, prospect_key: str) -> bytes:
    return hashlib.blake2s(f"{account_id}\0{prospect_key}".encode(), digest_size=8).digest()


def load_accounts(path: Path) -> Accounts:
    """Read and check an accounts file.

    Raises ConfigurationError that names the file, the entry and what to write instead.
    """
    document = _parsed(path)
    try:
        accounts = Accounts.model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        told = "\n".join(f"{path}: {_told(p, document)}" for p in problems)
        raise ConfigurationError(told) from error
    _check_references(path, accounts)
    return accounts


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot read the accounts file: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not text in UTF-8: save it as UTF-8") from error
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ConfigurationError(f"{where}: not valid YAML: {error.problem}") from error
    except YAMLError as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}: write `organisation`, `owners` and `accounts` into it")
    return document


def _told(problem: ErrorDetails, document: Any) -> str:
    """Where and what. Entries of lists are named by their ids too: nobody counts to 17."""
    where, within = "", document
    for part in problem["loc"]:
        try:
            within = within[part]
        except (LookupError, TypeError):
            within = None  # it is missing: that is the problem
        where += f".{part}" if where else str(part)
        if isinstance(part, int) and isinstance(within, dict) and "id" in within:
            where += f" ({within['id']})"
    told = _MENDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
    return f"{where}: {told}"


def _check_references(path: Path, accounts: Accounts) -> None:
    for what, ids in (
        ("account", [a.id for a in accounts.accounts]),
        ("owner", [o.id for o in accounts.owners]),
    ):
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ConfigurationError(f"{path}: {what} ids must differ; twice: {', '.join(twice)}")
    owners = set(accounts.owner_by_id)
    for account in accounts.accounts:
        if account.owner is not None and account.owner not in owners:
            raise ConfigurationError(
                f"{path}: account {account.id!r} names owner {account.owner!r}, "
                f"who is not under `owners`: add them or remove `owner`"
            )
    notify = accounts.organisation.notify_from
    mailboxes = {a.id for a in accounts.accounts if a.channel == Channel.EMAIL}
    if notify is not None and notify not in mailboxes:
        raise ConfigurationError(
            f"{path}: organisation.notify_from: {notify!r} is not the id of an email account"
        )
