"""The accounts file as a whole."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cadenza.accounts.choice import Shares
from cadenza.accounts.limits import LimitRow, ProviderLimits
from cadenza.accounts.people import Organisation, Owner, SenderAccount
from cadenza.accounts.values import Strict
from cadenza.calendars import Blackout, Calendars, OwnCalendar
from cadenza.errors import ConfigurationError
from cadenza.model import Channel, Profile

_MENDS = {
    "missing": "is missing: add it",
    "extra_forbidden": "is not known here: correct its name or remove it",
}


_MOST_REMEMBERED = 10_000


class Accounts(Strict):
    """The whole file."""

    organisation: Organisation
    owners: Sequence[Owner] = Field(min_length=1)
    accounts: Sequence[SenderAccount] = Field(min_length=1)
    providers: Mapping[str, ProviderLimits] = Field(default_factory=dict)
    limits: Sequence[LimitRow] = ()
    calendars: Sequence[OwnCalendar] = ()
    blackouts: Sequence[Blackout] = ()

    @cached_property
    def places(self) -> Calendars:
        """The calendars that prospects live by, with those of this file."""
        return Calendars(own=self.calendars, blackouts=self.blackouts)

    @cached_property
    def account_by_id(self) -> Mapping[str, SenderAccount]:
        """Accounts by id."""
        return {account.id: account for account in self.accounts}

    def roles_of(self, owner_id: str | None) -> Sequence[str]:
        """The teams for which an owner does tasks."""
        owner = self.owner_by_id.get(owner_id or "")
        return owner.roles if owner is not None else ()

    @cached_property
    def owner_by_id(self) -> Mapping[str, Owner]:
        """Owners by id."""
        return {owner.id: owner for owner in self.owners}

    def choose(
        self,
        channel: Channel,
        group: str,
        profile: Profile,
        *,
        sticky: str | None = None,
        paused: Collection[str] = (),
        retired: Collection[str] = (),
    ) -> SenderAccount | None:
        """The account that this prospect's touches on `channel` leave from.

        sticky: the one from which an earlier touch of the group left; it
        stays, also while it is paused, unless it is retired or no longer in
        the file's group. Else the owner's own accounts come first, before
        those of the group that belong to nobody; among them by weight, always
        the same for the same prospect, and a paused one only if all are.
        """
        if sticky is not None and sticky not in retired:
            account = self.account_by_id.get(sticky)
            if account is not None and (account.channel, account.group) == (channel, group):
                return account
        able = self._able(channel, group, profile.owner_id, frozenset(paused), frozenset(retired))
        return able.of(profile.key)

    def _able(
        self,
        channel: Channel,
        group: str,
        owner: str,
        paused: frozenset[str],
        retired: frozenset[str],
    ) -> Shares:
        """The accounts among which new people of an owner are shared out."""
        asked = (channel, group, owner, paused, retired)
        found = self._shared_out.get(asked)
        if found is None:
            if len(self._shared_out) >= _MOST_REMEMBERED:
                self._shared_out.clear()
            members = [a for a in self.members(channel, group) if a.id not in retired]
            own = [a for a in members if a.owner == owner]
            able = own or [a for a in members if a.owner is None]
            able = [a for a in able if a.weight > 0] or able
            found = Shares([a for a in able if a.id not in paused] or able)
            self._shared_out[asked] = found
        return found

    @cached_property
    def _shared_out(self) -> dict[tuple[object, ...], Shares]:
        return {}

    def members(self, channel: Channel, group: str) -> Sequence[SenderAccount]:
        """The accounts of a group that send on `channel`."""
        return self._groups.get((channel, group), ())

    @cached_property
    def _groups(self) -> Mapping[tuple[str, str], Sequence[SenderAccount]]:
        groups: dict[tuple[str, str], list[SenderAccount]] = {}
        for account in self.accounts:
            groups.setdefault((account.channel, account.group), []).append(account)
        return groups


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
    _check_limits(path, accounts)


def _check_limits(path: Path, accounts: Accounts) -> None:
    """A limit on something that does not exist, or given twice, would be kept by nobody."""
    known = {
        "account": set(accounts.account_by_id),
        "provider": {a.provider for a in accounts.accounts},
    }
    said: dict[tuple[object, ...], int] = {}
    for n, row in enumerate(accounts.limits):
        same = said.setdefault(row.counts, n)
        if same != n:
            raise ConfigurationError(
                f"{path}: limits.{n} counts the same as limits.{same}: keep one of them"
            )
        names = known.get(row.scope)
        if row.match is not None and names is not None and row.match not in names:
            raise ConfigurationError(
                f"{path}: limits.{n}.match: there is no {row.scope} {row.match!r} in this file "
                f"(there: {', '.join(sorted(names))})"
            )
