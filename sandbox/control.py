"""The control API: is the world at rest, what has it seen, and which faults shall it show."""

from collections.abc import Callable
from typing import get_args

from pydantic import ValidationError

from sandbox.activity import Activity, FaultOrder, Faults
from sandbox.agenda import Agenda
from sandbox.clock import to_iso
from sandbox.http_server import Request, Response, json_response
from sandbox.ledger import Channel, Ledger

LARGEST_PAGE = 5_000
MOST_DUPLICATES_SHOWN = 100


class Control:
    """Answers conductors and tests."""

    def __init__(
        self,
        agenda: Agenda,
        ledger: Ledger,
        activity: Activity,
        faults: Faults,
        outbox_pending: Callable[[], int],
    ) -> None:
        self._agenda = agenda
        self._ledger = ledger
        self._activity = activity
        self._faults = faults
        self._outbox_pending = outbox_pending

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        match request.method, request.path:
            case "GET", "/state":
                answer = self._state()
            case "POST", "/act":
                self._agenda.act()
                answer = self._state()
            case "POST", "/run-on":
                self._agenda.run_on()
                answer = self._state()
            case "GET", "/ledger":
                answer = self._rows(request)
            case "GET", "/summary":
                answer = self._summary()
            case "POST", "/faults":
                answer = self._order_faults(request)
            case _:
                answer = json_response(404, {"error": "see docs/sandbox.md for what there is"})
        return answer

    def _state(self) -> Response:
        # Who moves the clock asks right after that: what it made due begins now, or is told.
        self._agenda.run_due()
        next_due_us = self._agenda.next_due_us
        document = {
            "idle": self._is_idle(),
            "next_action_at": None if next_due_us is None else to_iso(next_due_us),
            "pending": self._agenda.pending,
            "in_progress": self._activity.in_progress,
            "outbox": self._outbox_pending(),
            "rows": len(self._ledger),
            "received": self._ledger.accepted,
            "rejected": self._ledger.rejected,
            "actions": self._ledger.actions,
        }
        return json_response(200, document)

    def _is_idle(self) -> bool:
        return (
            self._activity.in_progress == 0
            and self._outbox_pending() == 0
            and self._agenda.is_idle()
        )

    def _rows(self, request: Request) -> Response:
        try:
            after = int(request.parameters.get("after", "0"))
            limit = min(int(request.parameters.get("limit", "1000")), LARGEST_PAGE)
        except ValueError:
            return json_response(400, {"error": "after and limit are whole numbers"})
        rows = self._ledger.after(after, max(limit, 1))
        following = rows[-1].seq if rows and rows[-1].seq < len(self._ledger) else None
        return json_response(200, {"rows": [row.document() for row in rows], "next": following})

    def _summary(self) -> Response:
        ledger = self._ledger
        ledger.flush()
        counts: dict[str, dict[str, int]] = {}
        for (name, account), count in sorted(ledger.by_account.items()):
            counts.setdefault(name, {})[account] = count
        duplicates = ledger.duplicates
        by_channel: dict[str, int] = dict.fromkeys(get_args(Channel), 0)
        for channel, _ in {(duplicate.channel, duplicate.seq) for duplicate in duplicates}:
            by_channel[channel] += 1
        document = {
            "rows": len(ledger),
            "received": ledger.accepted,
            "rejected": ledger.rejected,
            "by_account": counts,
            "actions": ledger.actions,
            "distinct_actions": ledger.distinct_actions,
            "failed_actions": ledger.failed_actions,
            "duplicates": by_channel,
            "duplicate_rows": [row._asdict() for row in duplicates[:MOST_DUPLICATES_SHOWN]],
        }
        return json_response(200, document)

    def _order_faults(self, request: Request) -> Response:
        try:
            order = FaultOrder.model_validate_json(request.body)
        except ValidationError as error:
            return json_response(400, {"error": str(error)})
        self._faults.order(order)
        return json_response(200, order.model_dump())
