"""Finds the classes of a kind by looking through a package: one new file, nothing to edit."""

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def find_subclasses(package: ModuleType, kind: type[T]) -> list[type[T]]:
    """All concrete subclasses of `kind` defined in `package` and below, in order of their names."""
    found: set[type[T]] = set()
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        module = importlib.import_module(info.name)
        found.update(
            member
            for member in vars(module).values()
            if isinstance(member, type)
            and issubclass(member, kind)
            and not inspect.isabstract(member)
            and member.__module__ == module.__name__
        )
    return sorted(found, key=lambda member: member.__qualname__)
