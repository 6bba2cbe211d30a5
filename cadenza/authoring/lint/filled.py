"""A text filled with values of usual length, for counting characters."""

import re

from cadenza.language.source import Text

_OUTPUT = re.compile(r"\{\{-?\s*(?P<name>[\w.]+)(?P<filters>[^}]*)\}\}")
_TAG = re.compile(r"\{%.*?%\}", re.DOTALL)
_LENGTHS = {"first_name": 7, "company": 16, "name": 14}
_OTHERWISE = 10


def filled(text: Text) -> str:
    """`text` with `x` in place of values, as many as these usually have letters."""
    return _TAG.sub("", _OUTPUT.sub(_value, text.value))


def _value(output: re.Match[str]) -> str:
    field = output["name"].rpartition(".")[2]
    return "x" * _LENGTHS.get(field, _OTHERWISE)
