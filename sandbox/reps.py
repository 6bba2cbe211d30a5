"""The sales reps, who work through their list of tasks every now and then."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sandbox.agenda import Agenda
from sandbox.behaviour import disposition
from sandbox.clock import ScheduleClock
from sandbox.http_client import NoAnswer, WebClient
from sandbox.ledger import Ledger
from sandbox.settings import RepsSettings
from sandbox.webhooks import post_and_note

PAGE_SIZE = 500
MOST_PAGES = 100


class Reps:
    """Complete the due tasks at every poll, each with one of its own dispositions."""

    def __init__(
        self,
        settings: RepsSettings,
        seed: int,
        *,
        clock: ScheduleClock,
        agenda: Agenda,
        ledger: Ledger,
        web: WebClient,
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._clock = clock
        self._agenda = agenda
        self._ledger = ledger
        self._web = web
        self._headers = {
            "Authorization": f"Bearer {settings.token}",
            "Content-Type": "application/json",
        }

    def start(self) -> None:
        """Put the first poll on the agenda."""
        self._agenda.after(int(self._settings.poll_minutes * 60_000_000), self._poll, last=True)

    async def _poll(self) -> None:
        self.start()
        horizon = self._horizon()
        try:
            tasks = [
                task
                for task in await self._open_tasks()
                if datetime.fromisoformat(task["due_at"]) <= horizon
            ]
            await asyncio.gather(*[self._complete(task) for task in tasks])
        except (NoAnswer, ValueError, KeyError, TypeError) as error:
            self._note_failure(f"{type(error).__name__}: {error}")

    def _horizon(self) -> datetime:
        """A rep works today what is due by this time tomorrow."""
        return self._clock.now() + timedelta(days=1)

    async def _open_tasks(self) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = []
        query: dict[str, str | int] = {
            "state": "open",
            "limit": PAGE_SIZE,
            "due_by": self._horizon().isoformat(),
        }
        for _ in range(MOST_PAGES):
            url = f"{self._settings.api_base}/api/tasks?{urlencode(query)}"
            answer = await self._web.request("GET", url, headers=self._headers)
            if answer.status != 200:
                self._note_failure(str(answer.status))
                break
            page = json.loads(answer.body)
            tasks += page["tasks"]
            if page["next"] is None:
                break
            query["after"] = page["next"]
        return tasks

    async def _complete(self, task: Mapping[str, Any]) -> None:
        chosen = self.disposition(task)
        url = f"{self._settings.api_base}/api/tasks/{int(task['id'])}/done"
        body = json.dumps({"disposition": chosen, "note": "", "tick_all": True}).encode()
        await post_and_note(
            self._web,
            self._ledger,
            "task_done",
            person=_person(task),
            key=str(task["id"]),
            url=url,
            headers=self._headers,
            body=body,
            detail=chosen,
        )

    def disposition(self, task: Mapping[str, Any]) -> str:
        """Return how the task ends: the same for one person, kind and due time, always."""
        return disposition(
            self._seed,
            person=_person(task),
            kind=str(task["kind"]),
            due_at=str(task["due_at"]),
            options=[str(option) for option in task["dispositions"]],
            weights=self._settings.dispositions,
        )

    def _note_failure(self, status: str) -> None:
        self._ledger.acted("tasks_listed", person="", key="", done=False, status=status)


def _person(task: Mapping[str, Any]) -> str:
    prospect = task["prospect"]
    return str(prospect.get("email") or prospect.get("phone") or prospect.get("key") or task["id"])
