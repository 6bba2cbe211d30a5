"""Finds the event sources: one new file in `events/sources/`, nothing to edit."""

from cadenza.abc import EventSource
from cadenza.accounts import Accounts
from cadenza.links import LinkSigner
from cadenza.registry import find_subclasses
from cadenza.settings import Settings
from events import sources


def source_types() -> list[type[EventSource]]:
    """All event sources that there are."""
    # mypy wants a concrete class for type[T]; an abstract kind to look for is the point here.
    return find_subclasses(sources, EventSource)  # type: ignore[type-abstract]


def configured_sources(
    settings: Settings, signer: LinkSigner, accounts: Accounts
) -> list[EventSource]:
    """The sources that this deployment configures. Raises ConfigurationError."""
    made = (kind.from_settings(settings, signer, accounts) for kind in source_types())
    return [source for source in made if source is not None]
