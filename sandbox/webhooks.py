"""Posting to Cadenza as providers and people do, and writing down how it went."""

from collections.abc import Mapping

from sandbox.http_client import NoAnswer, WebClient
from sandbox.ledger import Ledger


async def post_and_note(
    web: WebClient,
    ledger: Ledger,
    action: str,
    *,
    person: str,
    key: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    detail: str | None = None,
) -> None:
    """Make one POST and write the action down; it is done when the answer is 2xx."""
    try:
        answer = await web.request("POST", url, headers=headers, body=body)
    except (NoAnswer, ValueError) as error:
        done, status = False, str(error)
    else:
        done, status = 200 <= answer.status < 300, str(answer.status)
    ledger.acted(action, person=person, key=key, done=done, status=status, detail=detail)
