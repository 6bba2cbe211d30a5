"""Enrolling from Python and from CSV files, over the documented Redis stream.

async with EnrollmentClient("redis://localhost") as client:
    receipts = await client.send_and_wait([EnrollmentMessage(…)], timeout_seconds=60)
"""

from cadenza.enrolling.message import EnrollmentMessage
from cadenza.storage.receipts import Receipt
from console.enroll.client import EnrollmentClient, EnrollmentNotSent, ReceiptsMissing

__all__ = [
    "EnrollmentClient",
    "EnrollmentMessage",
    "EnrollmentNotSent",
    "Receipt",
    "ReceiptsMissing",
]
