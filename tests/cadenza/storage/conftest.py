"""A database for each test of the storage."""

from collections.abc import AsyncIterator

import pytest

from cadenza.storage.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as opened:
        yield opened
