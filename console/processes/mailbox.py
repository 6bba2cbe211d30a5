"""`cadenza mailbox`: mail that comes back, by SMTP or LMTP."""

from cadenza.recorder import DatabaseRecorder
from cadenza.settings import Settings
from console.processes.common import observed, open_parts, stop_on_signals
from events.mailbox.server import MailboxServer
from events.recording import EventBatcher
from monitoring.metrics import IntakeMetrics, Process
from workers.broker import DramatiqHints, make_broker


async def run(settings: Settings) -> None:
    """Receive until SIGTERM."""
    stop = stop_on_signals()
    async with open_parts(settings) as parts, observed(Process.MAILBOX, settings) as registry:
        hints = DramatiqHints(make_broker(settings.redis_url))
        metrics = IntakeMetrics(registry)
        recorder = DatabaseRecorder(parts.database, parts.clock)
        batcher = EventBatcher(recorder, metrics, hints=hints.events)
        server = MailboxServer(
            batcher,
            parts.links.signer,
            parts.clock,
            metrics,
            mail_domain=settings.mail_domain,
            host=settings.mailbox_host,
            port=settings.mailbox_port,
        )
        await server.start()
        try:
            await stop.wait()
        finally:
            await server.stop()
            await batcher.close()
            hints.close()
