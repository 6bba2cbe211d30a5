"""Which account of a group a prospect's touches leave from: the same for the same people."""

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

from cadenza.accounts.people import SenderAccount

NO_ACCOUNT = "no_sender_account"
"""Why a touch waits for which the accounts file has no account that can send."""

_MASK = (1 << 64) - 1
_MOST = float(1 << 52)
# Odd multipliers that mix well. Source: Stafford, Better Bit Mixing, 2011.
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def choose_by_weight(candidates: Sequence[SenderAccount], key: str) -> SenderAccount | None:
    """The account for `key`, each with a probability in proportion to its weight.

    Weighted highest random weight (rendezvous) hashing: an account that is
    added or taken away moves only its own share of people. Source: Schindelhauer
    and Schomaker, Weighted Distributed Hash Tables, 2005 (the logarithmic method).
    """
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    # Written out, since it is done for every touch and every account of its group.
    seed, weight = _number(key), candidates[0].weight
    best, chosen, is_even = -1, candidates[0], True
    for account in candidates:
        value = (seed ^ _seed(account.id)) * _FIRST & _MASK
        value = (value ^ value >> 29) * _SECOND & _MASK
        value ^= value >> 32
        if value > best:
            best, chosen = value, account
        is_even = is_even and account.weight == weight
    if is_even:  # the logarithm changes no order
        return chosen
    return max(candidates, key=lambda account: _score(account, seed))


def _score(account: SenderAccount, seed: int) -> float:
    value = (seed ^ _seed(account.id)) * _FIRST & _MASK
    value = (value ^ value >> 29) * _SECOND & _MASK
    drawn = (((value ^ value >> 32) >> 12) + 0.5) / _MOST  # never 0, never 1
    return account.weight / -math.log(drawn)


@lru_cache(maxsize=16384)
def _seed(account_id: str) -> int:
    return _number(f"account\0{account_id}")


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2s(text.encode(), digest_size=8).digest(), "big")
