"""The words of the domain as types, one file a subject. Nothing here does anything."""

from cadenza.model.channels import SENDING_CHANNELS, Channel
from cadenza.model.enrollments import (
    MAIN,
    EnrollmentState,
    EnrollmentStatus,
    Outcome,
    Position,
    position_name,
)
from cadenza.model.events import AddressRef, Event, EventType, MessageRef, Reference, TouchRef
from cadenza.model.ids import SHARDS, BatchId, EnrollmentId, ProspectId, TaskId, TouchId, VersionId
from cadenza.model.occurrences import Occurrence
from cadenza.model.people import Profile
from cadenza.model.quotas import Grant, Quota
from cadenza.model.requests import Answer, RawRequest, Route
from cadenza.model.tasks import TaskSpec
from cadenza.model.touches import (
    Accepted,
    Attachment,
    Outbound,
    OutboundEmail,
    OutboundSms,
    OutboundSocial,
    OutboundWebhook,
    TouchStatus,
)
from cadenza.model.transitions import Effect, Planned, Transition
from cadenza.model.verdicts import Act, Finish, Fork, GoTo, Verdict, WaitUntil

__all__ = [
    "MAIN",
    "SENDING_CHANNELS",
    "SHARDS",
    "Accepted",
    "Act",
    "AddressRef",
    "Answer",
    "Attachment",
    "BatchId",
    "Channel",
    "Effect",
    "EnrollmentId",
    "EnrollmentState",
    "EnrollmentStatus",
    "Event",
    "EventType",
    "Finish",
    "Fork",
    "GoTo",
    "Grant",
    "MessageRef",
    "Occurrence",
    "Outbound",
    "OutboundEmail",
    "OutboundSms",
    "OutboundSocial",
    "OutboundWebhook",
    "Outcome",
    "Planned",
    "Position",
    "Profile",
    "ProspectId",
    "Quota",
    "RawRequest",
    "Reference",
    "Route",
    "TaskId",
    "TaskSpec",
    "TouchId",
    "TouchRef",
    "TouchStatus",
    "Transition",
    "Verdict",
    "VersionId",
    "WaitUntil",
    "position_name",
]
