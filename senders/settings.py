"""Reads what an account says for its provider, and tells a person what is wrong with it."""

from collections.abc import Collection
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cadenza.accounts import SenderAccount
from cadenza.errors import ConfigurationError, TransientSendError

_UNTIL_A_PERSON_MENDS_IT = timedelta(minutes=30)


class ProviderSettings(BaseModel):
    """Base of the settings of one provider, under `settings` of an account."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=ProviderSettings)


def read_settings(kind: type[S], account: SenderAccount, *, secrets: Collection[str]) -> S:
    """The settings of `account`, checked. secrets: the names it must have, and no others.

    Raises ConfigurationError that names the account, the setting and what is known.
    """
    where = f"account {account.id!r} ({account.provider})"
    try:
        settings = kind.model_validate(dict(account.settings))
    except ValidationError as error:
        problems = "; ".join(
            f"settings.{'.'.join(map(str, problem['loc']))}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        known = ", ".join(kind.model_fields)
        raise ConfigurationError(f"{where}: {problems} (known settings: {known})") from error
    missing = sorted(set(secrets) - set(account.secrets))
    if missing:
        raise ConfigurationError(
            f"{where}: add secrets.{missing[0]}: {{env: NAME}} or {{file: PATH}}"
        )
    unknown = sorted(set(account.secrets) - set(secrets))
    if unknown:
        raise ConfigurationError(
            f"{where}: secrets.{unknown[0]} is not used here: remove it"
            + (f" (known secrets: {', '.join(sorted(secrets))})" if secrets else "")
        )
    return settings


def account_trouble(detail: str, *, code: str) -> TransientSendError:
    """The provider refuses the account, not this touch: it waits until a person has mended that."""
    return TransientSendError(
        f"account trouble: {detail}", code=code, retry_after=_UNTIL_A_PERSON_MENDS_IT
    )
