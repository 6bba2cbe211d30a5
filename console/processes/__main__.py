"""`python -m console.processes NAME`: one process of a deployment, without the command line."""

import sys

from cadenza.errors import ConfigurationError
from cadenza.settings import Settings
from console.processes import start


def main() -> None:
    """Run the process named on the command line until SIGTERM."""
    try:
        start(sys.argv[1], Settings.load())
    except ConfigurationError as error:
        sys.exit(f"cadenza {sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
