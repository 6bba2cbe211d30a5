"""Counts are those of Twilio's calculator; `benchmarks/check_sms_segments.py` compares more."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.sms.graphemes import clusters
from cadenza.sms.segments import Encoding, count_segments, measure
from sandbox.sms_segments import count_segments as count_of_provider

# What the calculator says (sms-segments-calculator 1.3.0), written by the development check.
_RECORDED = Path(__file__).with_name("sms_segments.jsonl")
_FAMILY = "👨‍👩‍👧‍👦"  # one cluster of 11 UTF-16 units
_GSM = "@£ abcXYZ0189éàÄ\n\r^{}[]~|\\€"


@pytest.mark.parametrize(
    ("text", "encoding", "count"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("\r\n" * 80, "GSM-7", 1),
        ("\r\n" * 81, "GSM-7", 2),
        ("`", "UCS-2", 1),
        ("ç" * 70, "UCS-2", 1),
        ("ç" * 71, "UCS-2", 2),
        ("ç" * 134, "UCS-2", 2),
        ("ç" * 135, "UCS-2", 3),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("😀" * 66, "UCS-2", 2),
        ("😀" * 67, "UCS-2", 3),
        (_FAMILY * 6, "UCS-2", 1),
        (_FAMILY * 7, "UCS-2", 2),
        (_FAMILY * 13, "UCS-2", 3),
        ("e" + "\u0301" * 69, "UCS-2", 1),
        ("e" + "\u0301" * 70, "UCS-2", 2),
    ],
)
def test_known_texts_take_the_segments_that_the_calculator_says(
    text: str, encoding: str, count: int
) -> None:
    assert (measure(text).encoding, measure(text).count) == (encoding, count)
    assert count_segments(text) == count


def test_random_texts_take_the_segments_that_the_calculator_said() -> None:
    recorded = [json.loads(line) for line in _RECORDED.read_text(encoding="ascii").splitlines()]

    assert len(recorded) == 40
    assert [[t, str(measure(t).encoding), count_segments(t)] for t, _, _ in recorded] == recorded


def test_an_extension_character_is_not_cut_in_half() -> None:
    assert count_segments("a" * 152 + "€" + "a" * 151) == 2
    assert count_segments("a" * 152 + "€" + "a" * 152) == 3


def test_what_forces_ucs_2_is_named_once_each() -> None:
    found = measure("Ça va, cœur ? «Ça» cœur")

    assert (found.encoding, found.foreign) == (Encoding.UCS_2, "œ«»")


@given(st.text(_GSM, max_size=400))
def test_the_sandboxs_provider_counts_the_same_in_the_gsm_alphabet(text: str) -> None:
    assert count_segments(text) == count_of_provider(text)


@given(st.text("aç日😀🎉", max_size=200))
def test_the_sandboxs_provider_counts_the_same_in_ucs_2(text: str) -> None:
    assert count_segments(text) == count_of_provider(text)


@given(st.text(max_size=300))
def test_clusters_make_up_the_text_and_segments_hold_it(text: str) -> None:
    found = measure(text)
    single = 160 if found.encoding is Encoding.GSM_7 else 70

    assert "".join(clusters(text)) == text
    assert (found.count == 1) == (found.units <= single)
    assert found.count == count_segments(text)
