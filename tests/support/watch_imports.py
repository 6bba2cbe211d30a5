"""Import modules, and say what they did beside defining things.

    python -B -m tests.support.watch_imports MODULE ...

Prints a JSON list of [module, what it did], empty if all is well.
"""

import importlib
import json
import logging
import os
import signal
import sys
import threading
from typing import Any

_ACTS = ("socket.", "subprocess.", "shutil.", "tempfile.", "sqlite3.", "urllib.")
_ACT = {
    *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"),
    *("os.symlink", "os.truncate", "os.utime", "os.chdir", "os.putenv", "os.unsetenv"),
    *("os.exec", "os.fork", "os.forkpty", "os.kill", "os.posix_spawn", "os.spawn", "os.system"),
}
# Describes this host and reaches nobody.
_HARMLESS = {"socket.__new__", "socket.gethostname"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main() -> None:
    """Import what was asked for, in order."""
    done: list[tuple[str, str]] = []
    current = ""

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        acts = event.startswith(_ACTS) or event in _ACT
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
            acts = True
        if acts and event not in _HARMLESS:
            done.append((current, f"{event} {arguments!r}"))

    sys.addaudithook(note)
    for module in sys.argv[1:]:
        current = module
        before = _state()
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the module did
            done.append((module, f"raised {error!r}"))
        after = _state()
        done += [(module, f"changed {what}") for what, was in before.items() if after[what] != was]
    current = "the end"
    print(json.dumps(done))


def _state() -> dict[str, object]:
    return {
        "threads": threading.active_count(),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "log handlers": list(logging.getLogger().handlers),
        "the environment": dict(os.environ),
    }


if __name__ == "__main__":
    main()
