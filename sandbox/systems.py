"""Outside systems that tell Cadenza signals: https://…/api/signals, one signal a request.

They know when something happens to their subjects, and nothing of what Cadenza makes of it.
"""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.agenda import Agenda
from sandbox.clock import to_us
from sandbox.http_client import NoAnswer, WebClient
from sandbox.ledger import Ledger
from sandbox.scenario import known_of, story
from sandbox.settings import SubjectSettings, SystemSettings


class OutsideSystem:
    """Tells what its scenario says of each of its subjects, each thing when its time has come."""

    def __init__(
        self,
        settings: SystemSettings,
        seed: int,
        *,
        agenda: Agenda,
        ledger: Ledger,
        web: WebClient,
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._agenda = agenda
        self._ledger = ledger
        self._web = web

    def start(self) -> None:
        """Put everything that will be told on the agenda."""
        for subject in self._settings.subjects:
            self._plan(subject)

    def _plan(self, subject: SubjectSettings) -> None:
        scenario, begins_us = self._settings.scenario, to_us(subject.begins_at)
        if scenario.start is not None:
            known = known_of(scenario, self._seed, subject.name)
            self._tell_at(begins_us, subject, "0", scenario.start, known)
        for number, told in enumerate(story(scenario, self._seed, subject.name), start=1):
            at_us = begins_us + told.delay_us
            self._tell_at(at_us, subject, str(number), told.signal, told.fields)

    def _tell_at(
        self,
        at_us: int,
        subject: SubjectSettings,
        number: str,
        signal: str,
        fields: Mapping[str, Any],
    ) -> None:
        told: dict[str, Any] = {"signal": signal}
        if self._settings.scenario.subject is not None:
            told["subject"] = subject.name
        if self._settings.scenario.subject is None or number == "0":
            told["prospect"] = subject.prospect
        if fields:
            told["fields"] = dict(fields)
        key = f"{self._settings.name}-{self._seed}-{subject.name}-{number}"

        async def tell() -> None:
            await self._tell(subject.name, key, told)

        self._agenda.at(at_us, tell)

    async def _tell(self, who: str, key: str, told: Mapping[str, Any]) -> None:
        headers = {
            "Authorization": f"Bearer {self._settings.token}",
            "Content-Type": "application/json",
        }
        url = f"{self._settings.api_base}/api/signals"
        body = json.dumps({"key": key, "signals": [told]}).encode()
        try:
            answer = await self._web.request("POST", url, headers=headers, body=body)
            verdict = json.loads(answer.body)["rows"][0]["verdict"]
        except (NoAnswer, ValueError, KeyError, IndexError, TypeError) as error:
            done, status = False, f"{type(error).__name__}: {error}"
        else:
            done, status = verdict == "recorded", f"{answer.status} {verdict}"
        self._ledger.acted(
            "signal_told", person=who, key=key, done=done, status=status, detail=told["signal"]
        )
