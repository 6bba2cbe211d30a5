"""The `cadenza` command."""


def main() -> None:
    """Run the command line."""
