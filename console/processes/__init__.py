"""The long-running processes, each wired together from the other packages."""

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


def start(name: str, settings: Settings) -> None:
    """Run process `name` until SIGTERM; blocks. Raises ConfigurationError."""
    from console.processes.common import configure_logs  # noqa: PLC0415 - each start is felt

    configure_logs(settings.log_level)
    module = importlib.import_module(f"console.processes.{name}")
    if inspect.iscoroutinefunction(module.run):
        uvloop.run(module.run(settings))
    else:
        module.run(settings)
