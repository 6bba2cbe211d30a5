"""`cadenza gateway`: HTTP for prospects' clients, providers' webhooks and the API."""

from cadenza.recorder import DatabaseRecorder
from cadenza.settings import Settings
from console.api import api_app
from console.processes.common import observed, open_parts
from events.gateway import gateway_app
from events.registry import configured_sources
from events.serving import gateway_server
from monitoring.metrics import IntakeMetrics, Process
from workers.broker import DramatiqHints, make_broker


async def run(settings: Settings) -> None:
    """Serve until SIGTERM."""
    async with open_parts(settings) as parts, observed(Process.GATEWAY, settings) as registry:
        hints = DramatiqHints(make_broker(settings.redis_url))

        async def database_answers() -> None:
            async with parts.database.connection() as db:
                await db.fetchval("select 1")

        app = gateway_app(
            configured_sources(settings, parts.links.signer, parts.accounts),
            DatabaseRecorder(parts.database, parts.clock),
            parts.clock,
            public_url=settings.public_url,
            metrics=IntakeMetrics(registry),
            hints=hints.events,
            ready=database_answers,
        )
        app.mount("/api", api_app(parts, token=settings.api_token, hints=hints.events))
        try:
            await gateway_server(
                app, host=settings.gateway_host, port=settings.gateway_port
            ).serve()
        finally:
            hints.close()
