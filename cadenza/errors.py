"""One root, then by what the caller does next."""

import traceback
from collections.abc import Sequence
from datetime import timedelta

from cadenza.language.source import Problem


class CadenzaError(Exception):
    """The root of every error that Cadenza raises on purpose."""


class ConfigurationError(CadenzaError):
    """Something that a person configured is wrong: stop at boot and say where.

    The message names the place (file, line, variable) and the mend.
    """


class CadenceError(ConfigurationError):
    """A cadence file or one of its templates cannot be accepted.

    problems: all that is wrong, in the order of the files; the message
    has one line for each: `file:line:column: what is wrong; what to write`.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class RenderError(CadenzaError):
    """A template cannot be filled for this prospect; the touch is held, with this reason."""


class MissingVariable(RenderError):
    """A template needs a value that this prospect does not have. `name`: e.g. `prospect.title`."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'{name} has no value: fill it in, or write {{{{ {name} | default: "…" }}}} '
            "in the template"
        )
        self.name = name


class UnknownName(CadenzaError):
    """Someone asked for a cadence, prospect, enrollment or task that does not exist."""


class SendError(CadenzaError):
    """A touch did not leave as hoped. `code` is the provider's own, `detail` holds no addresses."""

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class TransientSendError(SendError):
    """It surely did not leave; it may be tried again after `retry_after`."""

    def __init__(
        self, detail: str, *, code: str | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class PermanentSendError(SendError):
    """It surely did not leave, and it never will: no retry.

    recipient_invalid: the provider said that this address or number does
    not exist; it counts as a hard bounce. opted_out: the provider knows
    that the recipient opted out; it counts as their opt-out.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        recipient_invalid: bool = False,
        opted_out: bool = False,
    ) -> None:
        super().__init__(detail, code=code)
        self.recipient_invalid = recipient_invalid
        self.opted_out = opted_out


class AmbiguousSendError(SendError):
    """The last byte may have left and no answer was read: the touch is `unknown`."""


class SendWithheld(SendError):
    """The journal refused the attempt just before the body went out: nothing left."""


class LimiterUnavailable(CadenzaError):
    """The limiter's store cannot answer; the caller puts the touches back with that reason."""


class EventRejected(CadenzaError):
    """What arrived is malformed or too large and is not stored. `status` is the HTTP answer."""

    def __init__(self, detail: str, *, status: int = 400) -> None:
        super().__init__(detail)
        self.status = status


class SignatureInvalid(EventRejected):
    """What arrived is not authentic."""

    def __init__(self, detail: str = "the signature does not match") -> None:
        super().__init__(detail, status=403)


class StaleLease(CadenzaError):
    """Somebody else took the batch or the shard over: drop the work, write nothing."""


class FenceClosed(CadenzaError):
    """The database may be a copy or a restored backup: nothing is sent. Says why, and the mend."""


class InvalidToken(CadenzaError):
    """A link or reply address was not made by this deployment, or was changed."""


def traced(error: BaseException) -> str:
    """What kind of error it was and where it arose, for logs; not what it says.

    What databases, parsers and templates say of an error quotes the values
    that they choked on: addresses, names, answers.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in reversed(frames))
    told = f"{type(error).__name__} at {where}" if where else type(error).__name__
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return "; ".join([told, *(traced(part) for part in parts)])
