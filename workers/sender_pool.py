"""The open senders of one worker process, by the relay or API login that accounts share."""

import asyncio
from collections.abc import Mapping

from cadenza.abc import Sender
from cadenza.accounts import SenderAccount
from cadenza.errors import ConfigurationError
from cadenza.model import Channel


class SenderPool:
    """Opens a sender when it is first needed and keeps it."""

    def __init__(self, types: Mapping[tuple[Channel, str], type[Sender]]) -> None:
        self._types = types
        self._senders: dict[str, Sender] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}

    async def sender_for(self, account: SenderAccount) -> tuple[Sender, asyncio.Semaphore]:
        """The open sender of this account's route, and the slots that bound its concurrency."""
        kind = self._types.get((account.channel, account.provider))
        if kind is None:
            raise ConfigurationError(f"account {account.id}: no provider {account.provider!r}")
        route = f"{account.channel}/{account.provider}/{kind.route(account)}"
        if route not in self._senders:
            sender = kind.for_account(account)
            self._senders[route] = sender
            self._slots[route] = asyncio.Semaphore(sender.features.concurrency)
            await sender.open()
        return self._senders[route], self._slots[route]

    async def close(self) -> None:
        """Close all senders."""
        senders, self._senders = list(self._senders.values()), {}
        await asyncio.gather(*(sender.close() for sender in senders), return_exceptions=True)
