"""The `cadenza` command."""

from console.commands import command_line


def main() -> None:
    """Run the command line."""
    command_line()()


if __name__ == "__main__":
    main()
