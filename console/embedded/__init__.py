"""PostgreSQL and Valkey from wheels, started by us and gone with us.

`embedded_servers(data_dir)` is all that the product needs. Tests that
break servers use `PostgresServer` and `ValkeyServer`.
"""

from console.embedded.lock import DataDirInUse
from console.embedded.postgres import PostgresServer
from console.embedded.server import EmbeddedServer, ServerStartFailed
from console.embedded.servers import EmbeddedServers, embedded_servers
from console.embedded.valkey import ValkeyServer

__all__ = [
    "DataDirInUse",
    "EmbeddedServer",
    "EmbeddedServers",
    "PostgresServer",
    "ServerStartFailed",
    "ValkeyServer",
    "embedded_servers",
]
