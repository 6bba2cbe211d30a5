"""Posting to Cadenza as providers do, and writing down how it went."""

from collections.abc import Mapping

from sandbox.http_client import NoAnswer, WebClient
from sandbox.ledger import Ledger


async def post_webhook(
    web: WebClient,
    ledger: Ledger,
    action: str,
    *,
    person: str,
    key: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    """Post one webhook and write the action down; it is done when the answer is 2xx."""
    try:
        answer = await web.request("POST", url, headers=headers, body=body)
    except (NoAnswer, ValueError) as error:
        ledger.acted(action, person=person, key=key, done=False, status=str(error))
        return
    ledger.acted(
        action, person=person, key=key, done=200 <= answer.status < 300, status=str(answer.status)
    )
