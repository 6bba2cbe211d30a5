"""What a planned row is for."""

from enum import StrEnum


class Channel(StrEnum):
    """What a planned row is for: channels that send, tasks for people, and timers."""

    EMAIL = "email"
    SMS = "sms"
    SOCIAL = "social"
    WEBHOOK = "webhook"
    TASK = "task"
    TIMER = "timer"


SENDING_CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.SOCIAL, Channel.WEBHOOK)
