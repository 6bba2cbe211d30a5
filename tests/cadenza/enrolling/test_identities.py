"""Who is who: properties of recognising people."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from cadenza.enrolling.identities import ALL, Known, People, identity, merged
from cadenza.storage.prospects import NewProspect

values = st.sampled_from([None, "1", "2", "3"])


def row(own: str | None, email: str | None, phone: str | None) -> NewProspect:
    key = f"id:{own}" if own else f"email:{email}" if email else f"phone:{phone}"
    return NewProspect(
        key=key, email=email, phone=phone, profile=None, company=None, owner_id="anna",
        time_zone="UTC", country=None, locale=None, fields={},
    )  # fmt: skip


row_of = st.builds(row, values, values, values).filter(lambda r: r.key != "phone:None")
rows = st.lists(row_of, max_size=12)
orders = st.permutations(ALL)


@given(rows, row_of, orders)
def test_nobody_is_taken_for_somebody_whose_surer_identity_differs(
    told: Sequence[NewProspect], asked: NewProspect, order: Sequence[str]
) -> None:
    people = People(order, [])
    everybody = {id(p): p for p in (people.recognise(r) for r in told)}.values()
    before = {p.key: {kind: set(p.values(kind)) for kind in order} for p in everybody}
    found = people.recognise(asked)
    if found.key not in before or found.key == asked.key:
        return
    said = {kind: identity(asked, kind) for kind in order}
    known = before[found.key]
    by = next(kind for kind in order if said[kind] in known[kind])
    for kind in order[: list(order).index(by)]:
        assert said[kind] is None or not known[kind]


@given(rows, orders)
def test_the_same_row_again_is_the_same_person(
    told: Sequence[NewProspect], order: Sequence[str]
) -> None:
    people = People(order, [])
    for r in told:
        assert people.recognise(r) is people.recognise(r)


def known() -> People:
    """Three people: one with everything, one with the same number, one with an id."""
    return People(
        ALL,
        [
            Known(key="id:1", email="a", phone="9", ids={"1"}),
            Known(key="email:b", email="b", phone="9"),
            Known(key="email:c", email="c", phone=None, ids={"3"}),
        ],
    )


def test_the_first_identity_that_leads_to_somebody_wins() -> None:
    assert known().recognise(row("1", "b", None)).key == "id:1"
    assert known().recognise(row(None, "b", None)).key == "email:b"
    assert known().recognise(row("3", None, None)).key == "email:c"
    assert known().recognise(row(None, None, "9")).key == "id:1"
    # The number is a's and b's; a third address with it is a third person.
    assert known().recognise(row(None, "d", "9")).key == "email:d"


def test_an_id_that_comes_later_is_remembered() -> None:
    people = known()
    assert people.recognise(row("7", "b", None)).key == "email:b"
    assert people.recognise(row("7", None, None)).key == "email:b"


def test_several_rows_about_one_person_add_up() -> None:
    first, later = row(None, "a", "1"), row(None, "a", None)
    (both,) = merged([first, later])
    assert (both.email, both.phone) == ("a", "1")
