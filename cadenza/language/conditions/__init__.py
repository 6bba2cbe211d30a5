"""What a branch asks, one kind of condition per file; found by `cadenza.registry`."""

from cadenza.language.conditions.all_hold import AllHold
from cadenza.language.conditions.colleague_did import ColleagueDid
from cadenza.language.conditions.condition import Condition, Judgement
from cadenza.language.conditions.disposition_is import DispositionIs
from cadenza.language.conditions.field_compares import FieldCompares
from cadenza.language.conditions.field_is import FieldIs
from cadenza.language.conditions.happened import Happened
from cadenza.language.conditions.reached import Reached
from cadenza.language.conditions.segment_is import SegmentIs
from cadenza.language.conditions.signal_came import SignalCame
from cadenza.language.conditions.status_is import StatusIs
from cadenza.language.conditions.variant_is import VariantIs

__all__ = [
    "AllHold",
    "ColleagueDid",
    "Condition",
    "DispositionIs",
    "FieldCompares",
    "FieldIs",
    "Happened",
    "Judgement",
    "Reached",
    "SegmentIs",
    "SignalCame",
    "StatusIs",
    "VariantIs",
]
