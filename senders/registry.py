"""Which senders there are, by channel and provider. A new file in this package is enough."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import senders
from cadenza.abc import Sender
from cadenza.accounts import SenderAccount
from cadenza.errors import ConfigurationError
from cadenza.model import Channel
from cadenza.registry import find_subclasses


@cache
def sender_types() -> Mapping[tuple[Channel, str], type[Sender]]:
    """All senders by (channel, provider), as named under `channel` and `provider` of an account.

    Raises ConfigurationError if two classes claim the same pair.
    """
    found: dict[tuple[Channel, str], type[Sender]] = {}
    for kind in find_subclasses(senders, Sender):  # type: ignore[type-abstract]
        key = (kind.channel, kind.provider)
        if key in found:
            raise ConfigurationError(
                f"{found[key].__qualname__} and {kind.__qualname__} both claim provider "
                f"{kind.provider!r} of channel {kind.channel}: rename one"
            )
        found[key] = kind
    return MappingProxyType(found)


def sender_type(account: SenderAccount) -> type[Sender]:
    """The sender that `account` asks for.

    Raises ConfigurationError that lists the providers its channel has.
    """
    kinds = sender_types()
    kind = kinds.get((account.channel, account.provider))
    if kind is None:
        known = ", ".join(sorted(p for channel, p in kinds if channel == account.channel))
        raise ConfigurationError(
            f"account {account.id!r}: no provider {account.provider!r} for channel "
            f"{account.channel}; write one of: {known}"
        )
    return kind
