"""Writes SVG: its frame, the styles for light and dark, texts, and the icons of channels."""

from collections.abc import Sequence
from html import escape

from cadenza.authoring.drawing.text import shorten

TITLE_SIZE = 18.0
NAME_SIZE = 13.0
SMALL_SIZE = 11.0

_STYLE = """
text{font-family:"DejaVu Sans",Verdana,"Segoe UI",Helvetica,Arial,sans-serif}
.paper{fill:#ffffff}
.box{fill:#f7f9fb;stroke:#c3ccd6;stroke-width:1.2}
.else{fill:#ffffff;stroke:#c3ccd6;stroke-width:1.2;stroke-dasharray:5 3}
.choice{fill:#fdf6e3;stroke:#d9b44a;stroke-width:1.2}
.pill{fill:#ffffff;stroke:#c3ccd6;stroke-width:1}
.shade{fill:#eef2f6}
.ink{fill:#1c2733}
.dim{fill:#5a6978}
.line{fill:none;stroke:#8a97a5;stroke-width:1.5}
.again{fill:none;stroke:#8a97a5;stroke-width:1.5;stroke-dasharray:4 3}
.head{fill:#8a97a5}
.rule{stroke:#d7dee6;stroke-width:1}
.icon{fill:none;stroke:#31638f;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}
.good{fill:#ddf3e4;stroke:#3b9a5f;stroke-width:1.2}
.bad{fill:#fbe3e1;stroke:#c4554d;stroke-width:1.2}
.other{fill:#e8ebef;stroke:#8a97a5;stroke-width:1.2}
.onward{fill:#e3edfb;stroke:#4a7fc1;stroke-width:1.2}
@media (prefers-color-scheme: dark){
.paper{fill:#10161d}
.box{fill:#1b242e;stroke:#43515f}
.else{fill:#10161d;stroke:#43515f}
.choice{fill:#2d2716;stroke:#9b8030}
.pill{fill:#10161d;stroke:#43515f}
.shade{fill:#161e27}
.ink{fill:#e6edf3}
.dim{fill:#9aa9b8}
.line,.again{stroke:#6f7f8f}
.head{fill:#6f7f8f}
.rule{stroke:#2c3742}
.icon{stroke:#7fb6e6}
.good{fill:#14301f;stroke:#3b9a5f}
.bad{fill:#3a1b19;stroke:#c4554d}
.other{fill:#242e38;stroke:#6f7f8f}
.onward{fill:#172a42;stroke:#4a7fc1}
}
"""

_ICONS = {
    "email": "M1 3.5h14v9H1zM1 4l7 5 7-5",
    "sms": "M1.5 2.5h13v8.5H7l-3.5 3V11h-2zM4.5 6.8h.1M8 6.8h.1M11.5 6.8h.1",
    "social": "M5 7.5a2.3 2.3 0 1 0 0-4.6a2.3 2.3 0 0 0 0 4.6zM1 13.5c0-5 8-5 8 0"
    "M11.2 8a1.9 1.9 0 1 0 0-3.8M11.5 9.6c2.2 0 3.5 1.6 3.5 3.9",
    "call": "M3.2 1.8l2.6 3-1.4 1.8c.9 2 2.6 3.7 4.7 4.8l1.9-1.4 3 2.6"
    "c-.6 1.3-1.8 1.9-3 1.6C6.3 13 3 9.8 1.8 5 1.5 3.7 2 2.5 3.2 1.8z",
    "direct_mail": "M1.5 5h13v9h-13zM1.5 5l2-3h9l2 3M8 2v6",
    "approval": "M1.5 8.5l4.2 4.5L14.5 3",
    "todo": "M2 2.5h12v11H2zM5 8l2 2.2L11 5.5",
    "webhook": "M6 4L2 8l4 4M10 4l4 4-4 4",
    "wait": "M8 14.5a6.5 6.5 0 1 0 0-13a6.5 6.5 0 0 0 0 13zM8 4.2V8l2.6 1.8",
    "branch": "M8 14.5V9M8 9L3 4M8 9l5-5M3 7V4h3M13 7V4h-3",
    "parallel": "M3 2v12M8 2v12M13 2v12",
    "join": "M3 2v4l5 4 5-4V2M8 10v4.5",
    "repeat": "M13.5 6A6 6 0 1 0 14 9M14 2.5V6h-3.5",
    "move_to": "M1.5 8h12M9.5 4l4 4-4 4",
    "status": "M3 15V2h10l-2.5 3.5L13 9H3",
    "end": "M4 4h8v8H4z",
    "cadence": "M1.5 3h13v10.5h-13zM1.5 6.5h13M5 1.5V4M11 1.5V4",
}
ICON_SIZE = 16.0


def frame(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    """A whole SVG document; title: what a screen reader says of it."""
    size = f'width="{_number(width)}" height="{_number(height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {_number(width)} {_number(height)}" role="img">',
        f"<title>{escape(title, quote=False)}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">'
        '<path class="head" d="M0 0.5L8 4L0 7.5z"/></marker></defs>',
        rect(0, 0, width, height, "paper", radius=0),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def rect(x: float, y: float, width: float, height: float, style: str, *, radius: float = 8) -> str:
    """A box."""
    rounded = f' rx="{_number(radius)}"' if radius else ""
    return (
        f'<rect class="{style}" x="{_number(x)}" y="{_number(y)}" '
        f'width="{_number(width)}" height="{_number(height)}"{rounded}/>'
    )


def text(
    x: float,
    y: float,
    what: str,
    size: float,
    style: str,
    *,
    room: float,
    anchor: str = "start",
    bold: bool = False,
) -> str:
    """A line of text, cut to `room`, which stands in the document too, for checks."""
    said = escape(shorten(_printable(what), size, room, bold=bold), quote=False)
    weight = ' font-weight="600"' if bold else ""
    placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return (
        f'<text class="{style}" x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}"'
        f'{weight}{placed} data-room="{_number(room)}">{said}</text>'
    )


def icon(x: float, y: float, kind: str) -> str:
    """The icon of a kind of step, its top left corner at (x, y)."""
    path = _ICONS.get(kind, _ICONS["todo"])
    return (
        f'<g transform="translate({_number(x)} {_number(y)})" data-icon="{escape(kind)}">'
        f'<path class="icon" d="{path}"/></g>'
    )


def line(path: str, style: str = "line", *, arrow: bool = True) -> str:
    """A line along `path`, an SVG path."""
    head = ' marker-end="url(#head)"' if arrow else ""
    return f'<path class="{style}" d="{path}"{head}/>'


def outcome_style(outcome: str) -> str:
    """The colour of an end."""
    if outcome == "won":
        return "good"
    if outcome in ("lost", "opted_out", "bounced", "disqualified"):
        return "bad"
    return "onward" if outcome == "moved" else "other"


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
