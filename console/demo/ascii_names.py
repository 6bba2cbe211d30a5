"""Names in ASCII, as they stand in mail addresses and domains."""

import re
import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {
        # Latin letters that are no base letter with a mark
        "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "ı": "i", "đ": "d",
        # Greek (ISO 843, as in passports)
        "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th",
        "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p",
        "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps",
        "ω": "o",
        # Bulgarian (Transliteration Act of 2009)
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z",
        "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p",
        "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h", "ц": "ts", "ч": "ch",
        "ш": "sh", "щ": "sht", "ъ": "a", "ь": "y", "ю": "yu", "я": "ya",
    }
)  # fmt: skip


@lru_cache(maxsize=4096)
def ascii_name(name: str) -> str:
    """`Γιώργος` → `giorgos`, `Jun'ichi` → `junichi`, `de la Cruz` → `de-la-cruz`.

    Letters, digits and single hyphens; letters of other scripts than Latin,
    Greek and Bulgarian are left out.
    """
    # Before the marks go: й is a letter of its own, and ου one sound.
    text = re.sub("ο[υύ]", "ou", name.lower()).translate(_LETTERS)
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = bare.translate(_LETTERS).replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")
