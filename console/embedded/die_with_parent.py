"""Become another program that cannot outlive the process that started this one.

Run as a script, with nothing but the standard library:

    python -I -S die_with_parent.py PARENT_PID SIGNAL USER PROGRAM [ARGUMENT ...]

USER is a name of the password database, or empty to stay who we are. The
kernel sends SIGNAL to the program when the thread that started us ends
(prctl(2), PR_SET_PDEATHSIG; Linux only, elsewhere nothing is sent).

A separate program and not a `preexec_fn`, because Python code between
fork and exec can deadlock when the parent has threads.
"""

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _become_user(name: str) -> None:
    entry = pwd.getpwnam(name)
    os.setgid(entry.pw_gid)
    os.initgroups(entry.pw_name, entry.pw_gid)
    os.setuid(entry.pw_uid)


def _die_with_parent(parent_pid: int, death_signal: int) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # The parent may have died before the kernel knew what to do about it.
    if os.getppid() != parent_pid:
        sys.exit("the process that started this one is gone")


def _restore_signals() -> None:
    # What is blocked or ignored survives an exec, and Python ignores SIGPIPE and SIGXFSZ.
    for name in ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def main(arguments: list[str]) -> None:
    """Change the user, tie our life to the parent's, then become the program."""
    parent_pid, death_signal, user, *command = arguments
    try:
        if user:
            _become_user(user)
        # After the change of user, which makes the kernel forget the signal.
        _die_with_parent(int(parent_pid), int(death_signal))
        _restore_signals()
        os.execvp(command[0], command)  # noqa: S606 - to become it is the purpose
    except (OSError, KeyError) as error:
        sys.exit(f"cannot run {command[0]}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
