"""A copy of an immutable value with some of its members changed, at little cost."""

from typing import Any, TypeVar

T = TypeVar("T")


def evolve(value: T, **changes: Any) -> T:
    """What `dataclasses.replace` gives, for plain frozen dataclasses: a tenth of its time.

    Planning copies states some ten times a touch, which was a fifth of a
    simulation. The members are taken over as they are: no `__init__` and
    no `__post_init__` runs, and nothing checks that the names exist.
    """
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__, **changes)
    return copy
