"""Compare `cadenza.sms.segments` with Twilio's published calculator over random texts.

It needs Node.js and that calculator, which is no dependency of Cadenza:

    npm install --prefix /tmp/calculator sms-segments-calculator@1.3.0
    python -m benchmarks.check_sms_segments /tmp/calculator [--texts 20000] [--seed 1]

Prints how many texts were compared and each one that differs; exits with 1
if any does. `--vectors FILE` writes the fixed vectors of the tests.
"""

import argparse
import json
import random
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from cadenza.sms.graphemes import break_class
from cadenza.sms.segments import measure

_NODE = """
const {SegmentedMessage} = require('sms-segments-calculator');
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(texts.map(text => {
  const message = new SegmentedMessage(text);
  return [message.getEncodingName(), message.segmentsCount];
})));
"""
_GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTU"
    "VWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "^{}\\[~]|€\f"
_EMOJI = ["👩‍❤️‍💋‍👩", "👨🏽‍🚀", "🏴\U000e0067\U000e0062\U000e007f", "🇫🇷", "❤️", "👍🏿", "😀", "1️⃣"]
_LENGTHS = [(0, 20), (60, 80), (130, 170), (280, 330), (0, 500)]


def random_text(draw: random.Random) -> str:
    """A text out of one to three alphabets, of a length that often lies near an edge."""
    pools = draw.sample(_pools(), draw.randint(1, 3))
    length = draw.randint(*draw.choice(_LENGTHS))
    return "".join(draw.choice(draw.choice(pools)) for _ in range(length))


@lru_cache(maxsize=1)
def _pools() -> Sequence[Sequence[str]]:
    by_class: dict[str, list[str]] = {}
    for code in range(0x110000):
        char = chr(code)
        kind = break_class(char)
        # Half a surrogate pair is no text: nothing that holds one is enrolled or applied.
        if kind != "Other" and unicodedata.category(char) != "Cs":
            by_class.setdefault(kind, []).append(char)
    assigned = [
        chr(code) for code in range(0x20000) if unicodedata.category(chr(code)) not in {"Cn", "Cs"}
    ]
    clustering = [char for chars in by_class.values() for char in chars[:12]]
    return [_GSM, _EXTENSION, _GSM, "\r\n", "abc«»çêœ’", "日本語中文", _EMOJI, assigned, clustering,
            *by_class.values()]  # fmt: skip


def of_calculator(folder: Path, texts: Sequence[str]) -> Sequence[tuple[str, int]]:
    """Encoding and segments of each text, by the calculator installed in `folder`."""
    done = subprocess.run(
        ["node", "-e", _NODE],
        input=json.dumps(texts),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return [(name, count) for name, count in json.loads(done.stdout)]


def main() -> int:
    """Compare, and say what differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the calculator was installed")
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vectors", type=Path, help="write texts and counts there")
    asked = parser.parse_args()
    draw = random.Random(asked.seed)
    texts = [random_text(draw) for _ in range(asked.texts)]
    expected = of_calculator(asked.folder, texts)
    if asked.vectors:
        lines = [json.dumps([t, *e]) for t, e in zip(texts, expected, strict=True)]
        asked.vectors.write_text("\n".join(lines) + "\n", encoding="ascii")
    different = 0
    for text, (encoding, count) in zip(texts, expected, strict=True):
        ours = measure(text)
        if (ours.encoding, ours.count) != (encoding, count):
            different += 1
            print(f"{encoding} {count}, not {ours.encoding} {ours.count}: {json.dumps(text)}")
    print(f"{len(texts)} texts compared, {different} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
