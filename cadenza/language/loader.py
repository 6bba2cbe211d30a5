"""From files on disk to sources, and from sources to a cadence."""

from collections.abc import Mapping
from pathlib import Path

from cadenza.language.cadence import Cadence

Sources = Mapping[str, str]
"""Relative path → text, of one cadence file (the only `.yaml`) and the templates that it uses."""


def read_sources(path: Path) -> Sources:
    """Read a cadence file and the templates that it names, sizes bounded. JSON-able.

    Raises CadenceError when a file cannot be read or is too large.
    """
    raise NotImplementedError


def compile_cadence(sources: Sources) -> Cadence:
    """Check and compile. Pure. Raises CadenceError with every problem found."""
    raise NotImplementedError
