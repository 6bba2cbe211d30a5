"""Which account of a group a prospect's touches leave from: the same for the same people."""

import hashlib
import math
from collections.abc import Sequence

from cadenza.accounts.people import SenderAccount

NO_ACCOUNT = "no_sender_account"
"""Why a touch waits for which the accounts file has no account that can send."""

_MASK = (1 << 64) - 1
_MOST = float(1 << 52)
# Both halves of a product of 128 bits, folded into one. Source: Wang Yi, wyhash, 2019.
_MULTIPLIER = 0xA0761D6478BD642F


class Shares:
    """Shares people out among accounts, each with a probability in proportion to its weight.

    Weighted highest random weight (rendezvous) hashing: an account that is
    added or taken away moves only its own share of people. Source: Schindelhauer
    and Schomaker, Weighted Distributed Hash Tables, 2005 (the logarithmic method).
    """

    __slots__ = ("_accounts", "_is_even", "_seeds")

    def __init__(self, accounts: Sequence[SenderAccount]) -> None:
        self._accounts = accounts
        self._seeds = [_number(f"account\0{account.id}") for account in accounts]
        self._is_even = len({account.weight for account in accounts}) < 2

    def of(self, key: str) -> SenderAccount | None:
        """The account for `key`; None if there is none at all."""
        if len(self._accounts) < 2:
            return self._accounts[0] if self._accounts else None
        seed = _number(key)
        # Written out, since it is done for every touch and every account of its group.
        drawn = [(both := (seed ^ own) * _MULTIPLIER) >> 64 ^ both & _MASK for own in self._seeds]
        if not self._is_even:  # else the logarithm changes no order
            scores = map(_score, self._accounts, drawn)
            return max(zip(scores, range(len(drawn)), self._accounts, strict=True))[2]
        return self._accounts[drawn.index(max(drawn))]


def _score(account: SenderAccount, drawn: int) -> float:
    return account.weight / -math.log(((drawn >> 12) + 0.5) / _MOST)  # never of 0, never of 1


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2s(text.encode(), digest_size=8).digest(), "big")
