"""Run the embedded servers on a folder until killed or interrupted.

    python -m tests.support.hold_servers DATA_DIR

Prints one line of JSON when they answer: their URLs and process numbers.
Needs the standard library alone, so that another user's Python can run it.
"""

import json
import signal
import sys
from pathlib import Path

from console.embedded import embedded_servers


def main() -> None:
    with embedded_servers(Path(sys.argv[1])) as servers:
        line = {
            "database_url": servers.database_url,
            "redis_url": servers.redis_url,
            "pids": {server.folder_name: server.pid for server in servers.running},
        }
        print(json.dumps(line), flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
