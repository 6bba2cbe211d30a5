"""Whom PostgreSQL runs as, since it refuses to run as root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from cadenza.errors import ConfigurationError

UNPRIVILEGED_USER = "nobody"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of this machine that is not root."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]

    def can_reach(self, path: Path) -> bool:
        """Whether every folder above `path` lets this user through.

        Judges by mode bits alone; an access list that grants more is not
        seen, and the caller then takes a detour that works as well.
        """
        return all(self._has(os.stat(folder), stat.S_IXOTH) for folder in path.resolve().parents)

    def can_read(self, path: Path) -> bool:
        """Whether this user can read the file, also run it if it is a program, or list the folder.

        False when there is no such file.
        """
        if not path.exists():
            return False
        status = os.stat(path)
        runs = status.st_mode & stat.S_IXUSR
        wanted = stat.S_IROTH | stat.S_IXOTH if runs else stat.S_IROTH
        return self.can_reach(path) and self._has(status, wanted)

    def _has(self, status: os.stat_result, bits_for_others: int) -> bool:
        if status.st_uid == self.uid:
            wanted = bits_for_others << 6
        elif status.st_gid in self.groups:
            wanted = bits_for_others << 3
        else:
            wanted = bits_for_others
        return status.st_mode & wanted == wanted


def account_for_postgres() -> Account | None:
    """The user that PostgreSQL must run as; None when it can run as who we are.

    Raises ConfigurationError when we are root and there is no such user.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and this machine has no user "
            f"{UNPRIVILEGED_USER!r} to run it as. Start Cadenza as an ordinary user, or set "
            f"CADENZA_DATABASE_URL to a PostgreSQL server of your own."
        ) from None
    return Account(
        name=entry.pw_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
        groups=frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid)),
    )
