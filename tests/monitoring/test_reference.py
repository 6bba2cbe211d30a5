"""The page that lists all metrics."""

from pathlib import Path

import pytest

from monitoring.reference import with_reference

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"


def test_the_page_lists_the_metrics_as_they_are_declared() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_reference(page), (
        "make it anew: python -m monitoring.reference docs/monitoring.md"
    )


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the lines"):
        with_reference("# Monitoring\n")
