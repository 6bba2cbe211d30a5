"""A pipeline for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.pipeline import Pipeline, pipeline


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    async with pipeline(database_url, redis_url) as made:
        yield made
