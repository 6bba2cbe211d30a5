"""`cadenza exporter`: metrics of the whole deployment, out of the database."""

from cadenza.settings import Settings
from cadenza.storage.overview import OverviewReader
from console.processes.common import open_parts, stop_on_signals, version
from monitoring.exporter import export
from monitoring.metrics import process_registry


async def run(settings: Settings) -> None:
    """Answer scrapes until SIGTERM."""
    stop = stop_on_signals()
    async with open_parts(settings, pool_size=2) as parts:
        reader = OverviewReader(parts.database, parts.accounts, parts.clock, parts.fence)
        async with export(
            reader.read,
            process_registry(),
            version=version(),
            host=settings.exporter_host,
            port=settings.exporter_port,
        ):
            await stop.wait()
