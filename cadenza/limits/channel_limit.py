"""Limits on all that leaves over one channel."""

from typing import ClassVar

from cadenza.abc import Draw
from cadenza.limits.rows import RowRule


class ChannelLimit(RowRule):
    """Entries with `scope: channel`."""

    scope: ClassVar = "channel"
    reasons: ClassVar = ("channel_limit",)

    def subject(self, draw: Draw) -> str | None:
        return draw.account.channel.value
