"""Who sends: the organisation, the owners (reps) and the sender accounts, from one YAML file.

Credentials are never in the file itself: `{env: NAME}` or `{file: PATH}`
says where each one is, and it is read when the file is loaded. Settings of
providers may come from there too, so that one file serves several places.
"""

from cadenza.accounts.file import Accounts, load_accounts
from cadenza.accounts.health import Health, Record
from cadenza.accounts.limits import MOST_PER_DAY, LimitRow, Limits, ProviderLimits, Windows
from cadenza.accounts.people import Organisation, Owner, SenderAccount
from cadenza.accounts.period import Period, Unit, parse_period
from cadenza.accounts.ramp import Ramp

__all__ = [
    "MOST_PER_DAY", "Accounts", "Health", "LimitRow", "Limits", "Organisation", "Owner",
    "Period", "ProviderLimits", "Ramp", "Record", "SenderAccount", "Unit", "Windows",
    "load_accounts", "parse_period",
]  # fmt: skip
