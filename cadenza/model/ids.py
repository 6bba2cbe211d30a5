"""What things are called: by number, each kind of its own."""

from typing import NewType

ProspectId = NewType("ProspectId", int)
EnrollmentId = NewType("EnrollmentId", int)
TouchId = NewType("TouchId", int)
VersionId = NewType("VersionId", int)
BatchId = NewType("BatchId", int)
TaskId = NewType("TaskId", int)

SHARDS = 256
