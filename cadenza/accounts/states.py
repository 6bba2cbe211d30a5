"""Which accounts rest, as every process knows it within seconds; and who lets them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from cadenza.accounts import Accounts
from cadenza.clock import Clock
from cadenza.errors import CadenzaError, UnknownName
from cadenza.storage import account_pauses, batches, enrollments
from cadenza.storage.account_pauses import Pause
from cadenza.storage.database import Connection

log = structlog.get_logger(__name__)

BY_HAND = "by_hand"
ACCOUNT_PAUSED = "account_paused"
"""Why a touch waits whose account rests."""

LOOK_AGAIN = timedelta(hours=1)
"""When a touch is looked at again whose account rests: `resume` does not wait for that."""

_FRESH_SECONDS = 2.0


class AccountIsSo(CadenzaError):
    """The account rests already, or it does not rest."""


class AccountStates:
    """What one process knows of resting accounts, not older than two seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: Mapping[str, Pause] = {}
        self._read_at: tuple[float, datetime] | None = None

    async def refresh(self, db: Connection) -> Mapping[str, Pause]:
        """Account → why it rests, read anew if what is known is too old."""
        if self._read_at is None or self._age(self._read_at) >= _FRESH_SECONDS:
            self._read_at = self._clock.monotonic(), self._clock.now()
            self._known = await account_pauses.resting(db)
        return self._known

    def _age(self, read_at: tuple[float, datetime]) -> float:
        """Seconds, of wall time or of schedule time: whichever went on further."""
        passed = (self._clock.now() - read_at[1]).total_seconds()
        return max(self._clock.monotonic() - read_at[0], passed)

    def forget(self) -> None:
        """Read anew at the next occasion."""
        self._read_at = None

    @property
    def paused(self) -> frozenset[str]:
        """Accounts that rest for a while."""
        return frozenset(a for a, pause in self._known.items() if not pause.retired)

    @property
    def retired(self) -> frozenset[str]:
        """Accounts that rest for good."""
        return frozenset(a for a, pause in self._known.items() if pause.retired)


async def pause_account(
    tx: Connection,
    accounts: Accounts,
    account: str,
    *,
    reason: str,
    for_good: bool = False,
    clock: Clock,
) -> Pause:
    """Let an account rest on a person's word. Raises UnknownName, AccountIsSo.

    It holds from the moment of the commit, as a stop does: an attempt that
    waits for its enrollment's row just then would not see the pause, so the
    rows of all that workers have in hand are held, and refuse it.
    """
    must_be_known(accounts, account)
    in_hand = await batches.leaving_from(tx, account)
    await enrollments.hold(tx, in_hand)
    await enrollments.forbid(tx, in_hand)
    made = Pause(
        account=account,
        retired=for_good,
        reason=reason,
        source=BY_HAND,
        paused_at=clock.now(),
    )
    if not await account_pauses.pause(tx, made):
        raise AccountIsSo(f"account {account} rests already: `cadenza accounts list` says why")
    return made


async def resume_account(tx: Connection, accounts: Accounts, account: str, *, clock: Clock) -> None:
    """Let it go on. Raises UnknownName, AccountIsSo."""
    must_be_known(accounts, account)
    if not await account_pauses.resume(tx, account, clock.now()):
        raise AccountIsSo(f"account {account} does not rest")


async def judge_health(
    tx: Connection, accounts: Accounts, ids: Iterable[str], clock: Clock
) -> Mapping[str, str]:
    """Let accounts rest whose rates are too high; returns which, and the rate.

    Judged is what began in the window of each and after its last resumption:
    who lets an account go on does not want it stopped for the same again.
    """
    now = clock.now()
    known = [accounts.account_by_id[i] for i in sorted(set(ids)) if i in accounts.account_by_id]
    if not known:
        return {}
    resumed = {
        pause.account: pause.resumed_at
        for pause in await account_pauses.history(tx, min(now - a.health.window for a in known))
        if pause.resumed_at is not None
    }
    begins = {a.id: now - a.health.window for a in known}
    since = {i: max(begin, resumed.get(i, begin)) for i, begin in begins.items()}
    records = await account_pauses.records(tx, since)
    stopped: dict[str, str] = {}
    for account in known:
        record = records[account.id]
        objection = account.health.objection(record)
        if objection is None:
            continue
        count = record.bounced if objection == "bounce_rate" else record.complained
        reason = f"{objection}: {count} of {record.sent} touches since {since[account.id]:%Y-%m-%d}"
        made = Pause(
            account=account.id, retired=False, reason=reason, source=objection, paused_at=now
        )
        if await account_pauses.pause(tx, made):
            log.warning("account_paused", account=account.id, reason=objection)
            stopped[account.id] = objection
    return stopped


def must_be_known(accounts: Accounts, account: str) -> None:
    """Raise UnknownName, which says what there is, if the file has no such account."""
    if account not in accounts.account_by_id:
        known = ", ".join(sorted(accounts.account_by_id))
        raise UnknownName(f"there is no account {account!r} in the accounts file (there: {known})")
