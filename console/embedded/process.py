"""Start programs that die with us, wait for their end without polling, end them."""

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from console.embedded.account import Account

_LAUNCHER = Path(__file__).with_name("die_with_parent.py")
_LOG_ROTATION_BYTES = 8 * 2**20
_LOG_TAIL_BYTES = 4096
_LOG_TAIL_LINES = 15
_NO_DESCRIPTOR_WAIT_SECONDS = 0.02


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log_path: Path,
    death_signal: signal.Signals,
    cwd: Path | None = None,
    account: Account | None = None,
    keep_open: Sequence[int] = (),
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program that gets `death_signal` when this process dies, however it dies.

    command: the program and its arguments. env: its whole environment.
    log_path: its output and errors are appended there. cwd: its current
    folder, None for ours. account: the user it runs as, None for ours.
    keep_open: descriptors that it inherits, for locks that it shall hold
    too. stdin: the descriptor that it reads from.

    The program leads its own session, so a Ctrl-C in our terminal reaches
    only us, and we can stop our programs in order.

    Raises RuntimeError outside the main thread: the kernel's signal comes
    when the starting *thread* ends (prctl(2)), and only the main thread
    lives as long as the process.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("programs that die with this process start from its main thread only")
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    user = account.name if account is not None else ""
    with _open_log(log_path) as log:
        return subprocess.Popen(  # noqa: S603 - the callers' own commands, no shell
            [*launcher, str(os.getpid()), str(int(death_signal)), user, *command],
            env=dict(env),
            cwd=cwd,
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=keep_open,
            start_new_session=True,
        )


def wait_for_end(process: subprocess.Popen[bytes], timeout_seconds: float) -> bool:
    """Whether the process ended in time; returns at the moment it does, and reaps it."""
    if process.poll() is not None:
        return True
    with _end_descriptor(process.pid) as descriptor:
        if descriptor is not None:
            _wait_readable(descriptor, timeout_seconds)
            return process.poll() is not None
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def wait_for_ends(pids: Sequence[int], timeout_seconds: float) -> None:
    """Return when one of these processes, ours or not, has ended, or after the timeout.

    Returns early where it cannot tell: the caller looks again.
    """
    with contextlib.ExitStack() as stack:
        poller = select.poll()
        for pid in pids:
            descriptor = stack.enter_context(_end_descriptor(pid))
            if descriptor is None:
                timeout_seconds = min(timeout_seconds, _NO_DESCRIPTOR_WAIT_SECONDS)
            else:
                poller.register(descriptor, select.POLLIN)
        poller.poll(timeout_seconds * 1000)


async def ended(process: subprocess.Popen[bytes]) -> None:
    """Return as soon as the process has ended. It is not reaped: `poll()` does that."""
    if process.returncode is not None:
        return
    with _end_descriptor(process.pid) as descriptor:
        if descriptor is None:
            await asyncio.to_thread(process.wait)
            return
        loop = asyncio.get_running_loop()
        has_ended = asyncio.Event()
        loop.add_reader(descriptor, has_ended.set)
        try:
            await has_ended.wait()
        finally:
            loop.remove_reader(descriptor)


def end(process: subprocess.Popen[bytes], stages: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, waiting its seconds, until the process has ended and is reaped."""
    for number, timeout_seconds in stages:
        process.send_signal(number)
        if wait_for_end(process, timeout_seconds):
            return


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL the process and those of its descendants that stayed in its process group.

    Does nothing once the process is reaped, since its number may be another's by then.
    """
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def log_size(path: Path) -> int:
    """Where the log ends now, as the `since` of `log_tail`."""
    return path.stat().st_size if path.exists() else 0


def log_tail(path: Path, *, since: int = 0) -> str:
    """The last lines of a log, from byte `since` on, indented; for error messages."""
    if not path.exists():
        return "  (no log)"
    with path.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        start = since if since <= size else 0
        log.seek(max(start, size - _LOG_TAIL_BYTES))
        text = log.read().decode(errors="replace")
    lines = text.splitlines()[-_LOG_TAIL_LINES:]
    return "\n".join(f"  {line}" for line in lines) or "  (the log is empty)"


@contextlib.contextmanager
def _open_log(path: Path) -> Iterator[int]:
    if log_size(path) > _LOG_ROTATION_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _end_descriptor(pid: int) -> Iterator[int | None]:
    """A descriptor that becomes readable when the process ends.

    None where the platform has none (pidfd_open(2) is Linux 5.3 and
    newer) or the process is gone and reaped.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_readable(descriptor: int, timeout_seconds: float) -> None:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    poller.poll(timeout_seconds * 1000)
