"""What made a touch later, in words: a sentence for every reason that a row of `due` can have."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "account_gap": "its account keeps a gap between two touches, and this is its next free time",
    "account_rate": "its account has sent what it may in a second or minute",
    "account_per_hour": "its account has no room left in that hour",
    "account_per_day": "its account has no room left on that day",
    "account_per_week": "its account has no room left in that week",
    "account_per_month": "its account has no room left in that month",
    "account_rolling": "its account has no room left in a rolling window",
    "account_ramp": "its account is new, and may send little on that day",
    "account_invitations": "its account has no invitation left on that day",
    "account_limit": "an entry of `limits:` leaves its account no room",
    "account_paused": "its account rests",
    "no_sender_account": "the accounts file had no account for it: each ten minutes it is looked "
    "for again",
    "provider_rate": "the provider's accounts have sent what they may in a second or minute",
    "provider_per_hour": "the provider's accounts have no room left in that hour",
    "provider_per_day": "the provider's accounts have no room left on that day",
    "provider_per_week": "the provider's accounts have no room left in that week",
    "provider_per_month": "the provider's accounts have no room left in that month",
    "provider_rolling": "the provider's accounts have no room left in a rolling window",
    "provider_limit": "an entry of `limits:` leaves the provider's accounts no room",
    "channel_limit": "an entry of `limits:` leaves its channel no room",
    "deployment_limit": "an entry of `limits:` leaves the whole deployment no room",
    "domain_limit": "an entry of `limits:` leaves the recipient's domain no room",
    "company_limit": "an entry of `limits:` leaves the company no room",
    "follow_ups_first": "the rest of that day is kept for people who were touched before",
    "person_gap": "somebody, of whatever cadence, touched them shortly before",
    "window": "the window of days and hours was closed when it was to leave",
    "holiday": "it was a holiday there when it was to leave",
    "blackout": "there was a blackout when it was to leave",
    "legal_hours": "the law there allowed no text when it was to leave",
    "overdue": "it was too late for its time, and was placed anew",
    "provider_deferred": "the provider could not take it and asked to come back",
    "limiter_unavailable": "Valkey or Redis did not answer, and without it nothing leaves",
    "withheld": "the database or the journal was away as it was about to leave",
    "worker_lost": "the worker that had it died before it began",
    "error": "an error of ours: the log has it",
}


def in_words(reason: str) -> str:
    """`account_per_day: its account …`; of a rule that has no sentence here, its name alone."""
    sentence = SENTENCES.get(reason)
    return f"{reason}: {sentence}" if sentence else reason
