"""The open senders of one worker process, by the relay or API login that accounts share."""

import asyncio
from collections.abc import Mapping

from cadenza.abc import Sender
from cadenza.accounts import SenderAccount
from cadenza.errors import ConfigurationError
from cadenza.model import Channel


class SenderPool:
    """Opens a sender when it is first needed and keeps it. Senders bound their own concurrency."""

    def __init__(self, types: Mapping[tuple[Channel, str], type[Sender]]) -> None:
        self._types = types
        self._by_account: dict[str, Sender] = {}
        self._by_route: dict[str, Sender] = {}
        self._opening = asyncio.Lock()

    async def sender_for(self, account: SenderAccount) -> Sender:
        """The open sender of this account's route. Raises ConfigurationError."""
        sender = self._by_account.get(account.id)
        if sender is None:
            async with self._opening:
                sender = await self._open(account)
        return sender

    async def _open(self, account: SenderAccount) -> Sender:
        kind = self._types.get((account.channel, account.provider))
        if kind is None:
            raise ConfigurationError(f"account {account.id}: no provider {account.provider!r}")
        route = f"{account.channel}/{account.provider}/{kind.route(account)}"
        sender = self._by_route.get(route)
        if sender is None:
            sender = kind.for_account(account)
            await sender.open()
            self._by_route[route] = sender
        self._by_account[account.id] = sender
        return sender

    async def close(self) -> None:
        """Close all senders."""
        senders, self._by_route, self._by_account = list(self._by_route.values()), {}, {}
        await asyncio.gather(*(sender.close() for sender in senders), return_exceptions=True)
