"""Pictures of cadences: what is in them, that they are well formed, and that texts fit."""

import re
from functools import lru_cache
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as Xml

import pytest

import cadences
from cadenza.authoring.drawing.calendar import Calendar, calendar_of
from cadenza.authoring.drawing.calendar_svg import draw_calendar
from cadenza.authoring.drawing.graph import Graph, graph_of
from cadenza.authoring.drawing.graph_svg import draw_graph
from cadenza.authoring.drawing.layout import Box, lay_out
from cadenza.authoring.drawing.links import links_between
from cadenza.authoring.drawing.mermaid import mermaid
from cadenza.authoring.drawing.text import shorten, width, wrap
from cadenza.language.cadence import Cadence
from cadenza.language.loader import compile_cadence, load_cadence
from cadenza.language.written import Written

SHIPPED = sorted(Path(cadences.__path__[0]).glob("*.yaml"))
SVG = "{http://www.w3.org/2000/svg}"
MAIL = "---\nsubject: Hi\n---\nHello\n"


@lru_cache
def load(path: Path) -> tuple[Cadence, Written]:
    sources, cadence = load_cadence(path)
    return cadence, Written(sources)


def compiled(steps: str, *, head: str = "") -> tuple[Cadence, Written]:
    text = f"cadence: trial\ntitle: Trial\nobjective: goal\n{head}steps:\n{dedent(steps)}"
    sources = {"trial.yaml": text, "templates/hello.liquid": MAIL}
    return compile_cadence(sources), Written(sources)


def graph(steps: str, *, head: str = "") -> Graph:
    return graph_of(*compiled(steps, head=head))


def links(drawn: Graph) -> list[tuple[str, str, str]]:
    return [(link.source, link.target, link.label) for link in drawn.links]


# Text -----------------------------------------------------------------------


def test_text_that_is_too_long_is_cut_to_its_room() -> None:
    assert shorten("short", 10, 100) == "short"
    cut = shorten("a text that is far too long for its room", 10, 100)
    assert cut.endswith("…")
    assert width(cut, 10) <= 100


def test_text_is_wrapped_and_its_last_line_cut() -> None:
    lines = wrap("one two three four five six seven eight", 10, 60, 2)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert all(width(line, 10) <= 60.2 for line in lines)


# Layout ---------------------------------------------------------------------


def boxes(*names: str) -> list[Box]:
    return [Box(name=name, width=100, height=40) for name in names]


def test_boxes_do_not_overlap_and_lines_lead_down() -> None:
    layout = lay_out(
        boxes("a", "b", "c", "d", "e"),
        [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "d"), ("d", "e")],
    )
    places = list(layout.centres.values())
    for n, one in enumerate(places):
        for other in places[n + 1 :]:
            assert abs(one.x - other.x) >= 100 or abs(one.y - other.y) >= 40
    for points in layout.lines:
        assert points[0].y < points[-1].y


def test_line_that_leads_back_goes_around_the_boxes_on_the_right() -> None:
    layout = lay_out(boxes("a", "b", "c"), [("a", "b"), ("b", "a"), ("b", "c")])
    assert layout.back == {1}
    assert (
        max(point.x for point in layout.lines[1]) > max(c.x for c in layout.centres.values()) + 50
    )


def test_boxes_without_lines_stand_below_the_others() -> None:
    layout = lay_out(boxes("a", "b", "lonely"), [("a", "b")])
    assert layout.centres["lonely"].y > layout.centres["b"].y


# Graphs ---------------------------------------------------------------------


def test_branches_are_labelled_with_their_conditions() -> None:
    drawn = graph(
        """\
        - step: hello
          email: hello
        - step: fork
          branch:
            - when: [clicked hello within 3 days, prospect.country is FR]
              go: won
            - else: lost
        - step: won
          end: won
        - step: lost
          end: lost
        """
    )
    assert links(drawn) == [
        ("hello", "fork", ""),
        ("fork", "won", "clicked hello within 3 days and prospect.country is FR"),
        ("fork", "lost", "else"),
    ]
    assert [node.outcome for node in drawn.nodes] == [None, None, "won", "lost"]


def test_lanes_start_side_by_side_and_join() -> None:
    drawn = graph(
        """\
        - step: work
          parallel:
            payments:
              - {step: agree, task: approval, wait: done}
            logistics:
              - {step: collect, task: todo, wait: done}
          join: any
        - step: done
          end: won
        """
    )
    assert links(drawn) == [
        ("work", "agree", "payments"),
        ("work", "collect", "logistics"),
        ("work:join", "done", ""),
        ("agree", "work:join", ""),
        ("collect", "work:join", ""),
    ]
    layout = draw_graph(drawn)
    tops = {
        group.get("data-step"): group[0].get("y")
        for group in Xml.fromstring(layout).iter(f"{SVG}g")
        if group.get("data-step")
    }
    assert tops["agree"] == tops["collect"]


def test_rounds_of_a_repeat_lead_back_to_it() -> None:
    drawn = graph(
        """\
        - step: weekly
          repeat:
            - {step: hello, email: hello}
          every: 1 week
          at_most: 3
        - step: done
          end: no_response
        """
    )
    assert ("hello", "weekly", "") in links(drawn)
    assert ("weekly", "hello", "next round") in links(drawn)
    assert "again" in draw_graph(drawn)
    [weekly] = [node for node in drawn.nodes if node.name == "weekly"]
    assert weekly.told.lines == ["every 1 week, at most 3 times"]


def test_variants_are_drawn_as_a_choice() -> None:
    drawn = graph(
        """\
        - step: hello
          email: hello
          variants: {pace: {slow: {after: 3 days}}}
        - step: done
          end: no_response
        """,
        head="experiments: {pace: {fast: 1, slow: 1}}\n",
    )
    assert links(drawn)[:2] == [
        ("hello", "hello.fast", "fast"),
        ("hello", "hello.slow", "slow"),
    ]


def test_wait_with_a_timeout_has_two_ways() -> None:
    drawn = graph(
        """\
        - step: paid
          wait: {for: payment_made, at_most: 3 days, otherwise: lost}
        - step: won
          end: won
        - step: lost
          end: lost
        """,
        head="signals: {payment_made: heard}\n",
    )
    assert links(drawn) == [("paid", "lost", "time is up"), ("paid", "won", "")]
    assert drawn.nodes[0].told.lines == ["for payment_made, at most 3 days"]


def test_what_authors_write_cannot_break_out_of_the_picture() -> None:
    steps = """\
    - step: ring
      task: call
      title: "<script>alert(1)</script> & \\"quotes\\""
      wait: 1 day
    - step: done
      end: won
    """
    cadence, written = compiled(steps)
    drawn = graph_of(cadence, written)
    root = Xml.fromstring(draw_graph(drawn))
    assert not list(root.iter(f"{SVG}script"))
    assert "<script>" not in mermaid(drawn)
    assert '"quotes"' not in mermaid(drawn)


# Calendars --------------------------------------------------------------------


def days(drawn: Calendar) -> dict[str, int]:
    return {entry.step: entry.day for entries in drawn.entries.values() for entry in entries}


def test_touches_stand_on_their_days_and_alternatives_say_when() -> None:
    drawn = calendar_of(*load(Path(cadences.__path__[0]) / "ten-touch.yaml"))
    assert drawn.days_in_week == 5
    assert {"connect": 1, "intro": 2, "value": 4, "last-word": 17}.items() <= days(drawn).items()
    when = {entry.step: entry.when for entries in drawn.entries.values() for entry in entries}
    assert when["proof"] == ""
    assert when["proof-on-linkedin"] == "accepted connect"
    assert when["warm-call"] == "clicked intro within 1 day"


def test_weeks_without_a_touch_are_one_thin_row() -> None:
    steps = """\
    - {step: hello, email: hello, day: 1}
    - {step: again, email: hello, day: 40}
    - {step: done, end: no_response}
    """
    drawn = draw_calendar(calendar_of(*compiled(steps)))
    assert "6 weeks without a touch" in drawn
    assert ">week 8<" in drawn
    assert ">week 3<" not in drawn


# Links ------------------------------------------------------------------------


def test_links_between_cadences_show_moves_and_signals() -> None:
    first, _ = compiled(
        """\
        - step: on
          move_to: claim
        """,
        head="signals: {order_placed: start, order_paid: heard}\n",
    )
    drawn = links_between([first])
    assert links(drawn) == [
        ("signal:order_placed", "trial", "start"),
        ("trial", "claim", "on"),
    ]
    assert [node.told.lines for node in drawn.nodes if node.name == "claim"] == [
        ["not in this folder"]
    ]


# All shipped cadences -----------------------------------------------------------


def pictures(path: Path) -> list[str]:
    cadence, written = load(path)
    return [
        draw_graph(graph_of(cadence, written)),
        draw_calendar(calendar_of(cadence, written)),
    ]


def check_picture(picture: str) -> None:
    """It is well formed, no text leaves its box, and nothing lies outside of the page."""
    root = Xml.fromstring(picture)
    page = [float(root.get(side) or 0) for side in ("width", "height")]
    for text in root.iter(f"{SVG}text"):
        bold = text.get("font-weight") is not None
        said = width(text.text or "", float(text.get("font-size") or 0), bold=bold)
        assert said <= float(text.get("data-room") or 0) + 0.2
    for group in root.iter(f"{SVG}g"):
        if group.get("data-step"):
            box = group[0]
            left, top, across, high = (
                float(box.get(name) or 0) for name in ("x", "y", "width", "height")
            )
            assert left >= 0
            assert left + across <= page[0]
            assert top + high <= page[1]
            for text in group.iter(f"{SVG}text"):
                x, y = float(text.get("x") or 0), float(text.get("y") or 0)
                room = float(text.get("data-room") or 0)
                assert left <= x
                assert x + room <= left + across + 0.2
                assert top <= y <= top + high


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_pictures_of_shipped_cadences_are_well_formed_and_texts_fit(path: Path) -> None:
    for picture in pictures(path):
        check_picture(picture)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_same_cadence_gives_the_same_pictures(path: Path) -> None:
    assert pictures(path) == pictures(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_step_is_in_the_graph_and_every_link_has_its_ends(path: Path) -> None:
    cadence, written = load(path)
    drawn = graph_of(cadence, written)
    names = {node.name for node in drawn.nodes}
    assert set(cadence.steps) <= names
    assert {end for link in drawn.links for end in (link.source, link.target)} <= names
    text = mermaid(drawn)
    assert text.startswith("flowchart TD\n")
    assert len(re.findall(r"^  n\d+ -->", text, re.MULTILINE)) == len(drawn.links)


def test_picture_of_all_links_is_well_formed() -> None:
    check_picture(draw_graph(links_between([load(path)[0] for path in SHIPPED])))


def test_picture_has_colours_for_light_and_dark() -> None:
    picture = pictures(SHIPPED[0])[0]
    light, dark = picture.split("@media (prefers-color-scheme: dark)")
    for style in re.findall(r"^\.([a-z]+)\{", dark.split("</style>")[0], re.MULTILINE):
        assert f".{style}{{" in light
