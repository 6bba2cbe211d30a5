"""The long-running processes, each wired together from the other packages."""

import gc
import importlib
import inspect

import uvloop

from cadenza.settings import Settings

PROCESSES = {
    "scheduler": "decides when: cuts what is due into batches, settles what crashed",
    "worker": "delivers batches, applies events, enrolls, notifies",
    "gateway": "hears by HTTP: opens, clicks, opt-outs, webhooks; and the API",
    "mailbox": "hears by mail: answers, automatic answers, bounces (SMTP and LMTP)",
    "exporter": "tells Prometheus how the whole deployment is",
}


def spare_the_collector() -> None:
    """Let cycles be looked for a fiftieth as often, and never among what is loaded already.

    Profiles, plans and templates are many and hang together in no cycles: looking
    through them was a third of the time that planning took.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(35_000, 20, 50)


def start(name: str, settings: Settings) -> None:
    """Run process `name` until SIGTERM; blocks. Raises ConfigurationError."""
    from console.processes.common import configure_logs  # noqa: PLC0415 - each start is felt

    configure_logs(settings.log_level)
    module = importlib.import_module(f"console.processes.{name}")
    spare_the_collector()
    if inspect.iscoroutinefunction(module.run):
        uvloop.run(module.run(settings))
    else:
        module.run(settings)
