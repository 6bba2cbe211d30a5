"""Limits on everything that leaves, together."""

from typing import ClassVar

from cadenza.abc import Draw
from cadenza.limits.rows import RowRule


class DeploymentLimit(RowRule):
    """Entries with `scope: deployment`."""

    scope: ClassVar = "deployment"
    reasons: ClassVar = ("deployment_limit",)

    def subject(self, draw: Draw) -> str | None:
        del draw
        return "all"
