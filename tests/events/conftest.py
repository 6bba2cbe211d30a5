import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Gateway and mailbox run on uvloop; transports differ in details from asyncio's own."""
    return {"uvloop": uvloop.new_event_loop}
