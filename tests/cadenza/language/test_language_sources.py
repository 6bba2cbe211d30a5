"""What belongs to a cadence comes along with it: variants, partials, tables, attachments."""

import base64
import os
from pathlib import Path

import pytest

from cadenza.errors import CadenceError
from cadenza.language.files import cadence_files
from cadenza.language.loader import load_cadence
from cadenza.language.reading import read_sources
from cadenza.language.reporter import Reporter
from cadenza.language.segments import read_table
from tests.cadenza.planner.courses import MAIL

CADENCE = """\
cadence: trial
objective: goal
segments: {region: {by: prospect.country, table: segments/regions.csv}}
steps:
- step: work
  parallel:
    one:
      - {step: a, email: mail, attach: ["{{ prospect.kind }}.pdf", terms.txt]}
    two:
      - {step: b, email: shared}
- step: done
  end: won
"""


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in {"trial.yaml": CADENCE, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / "trial.yaml"


FILES: dict[str, str | bytes] = {
    "templates/trial/mail.liquid": MAIL + "{% render 'sign' %}\n",
    "templates/trial/mail.fr-CA.liquid": MAIL,
    "templates/trial/mail.@emea.html.liquid": MAIL.replace("Hello", "<p>Hello</p>"),
    "templates/mail.de.liquid": MAIL,
    "templates/shared.liquid": MAIL,
    "templates/shared.fr.@emea.liquid": MAIL,
    "templates/unused.liquid": MAIL,
    "templates/partials/sign.liquid": '{% render "name" %}\n',
    "templates/partials/sign.fr.liquid": "Salut\n",
    "templates/trial/partials/name.liquid": "{{ owner.name }}\n",
    "templates/partials/name.liquid": "not this one\n",
    "templates/partials/unused.liquid": "no\n",
    "segments/regions.csv": "country,name\nFR,EMEA\n",
    "segments/unused.csv": "country,name\n",
    "attachments/cart.pdf": b"%PDF\x00\xff",
    "attachments/order.pdf": b"%PDF",
    "attachments/terms.txt": b"terms",
    "attachments/picture.png": b"png",
    "attachments/.hidden.pdf": b"no",
}


def test_all_that_it_uses_comes_along_and_nothing_else(tmp_path: Path) -> None:
    found, cadence = load_cadence(write(tmp_path, FILES))
    assert set(found) == {
        "trial.yaml",
        "templates/trial/mail.liquid",
        "templates/trial/mail.fr-CA.liquid",
        "templates/trial/mail.@emea.html.liquid",
        "templates/shared.liquid",
        "templates/shared.fr.@emea.liquid",
        "templates/partials/sign.liquid",
        "templates/partials/sign.fr.liquid",
        "templates/trial/partials/name.liquid",
        "segments/regions.csv",
        "attachments/cart.pdf",
        "attachments/order.pdf",
        "attachments/terms.txt",
    }
    assert base64.b64decode(found["attachments/cart.pdf"]) == b"%PDF\x00\xff"
    assert cadence.segments["region"].rows == {"fr": {"name": "EMEA"}}
    variables = {"prospect": {"kind": "order"}}
    attached = cadence.steps["a"].attach(variables)  # type: ignore[attr-defined]
    assert [(a.name, a.content) for a in attached] == [
        ("order.pdf", b"%PDF"),
        ("terms.txt", b"terms"),
    ]


def test_attachment_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {**FILES, "attachments/order.pdf": bytes(2 * 1024 * 1024 + 1)})
    with pytest.raises(CadenceError, match=r"attachments/order.pdf:1:1: it is larger than 2 MiB"):
        read_sources(path)


def test_attachments_that_are_too_large_together_are_refused(tmp_path: Path) -> None:
    much = {f"attachments/{n}.pdf": bytes(2 * 1024 * 1024) for n in range(5)}
    with pytest.raises(CadenceError, match="larger than 8 MiB together"):
        read_sources(write(tmp_path, {**FILES, **much}))


@pytest.mark.parametrize(
    "file", ["attachments/terms.txt", "segments/regions.csv", "templates/partials/sign.liquid"]
)
def test_nothing_outside_of_the_folder_is_read(tmp_path: Path, file: str) -> None:
    path = write(tmp_path / "cadences", FILES)
    (tmp_path / "secret").write_text("country,name\nFR,secret\n")
    (path.parent / file).unlink()
    os.symlink(tmp_path / "secret", path.parent / file)
    with pytest.raises(CadenceError, match="outside the cadence's folder"):
        read_sources(path)


def test_texts_that_are_too_large_together_are_refused(tmp_path: Path) -> None:
    much = {f"templates/shared.{c}{d}.liquid": "x" * 250_000 for c in "abcd" for d in "efghi"}
    with pytest.raises(CadenceError, match="larger than 4 MiB"):
        read_sources(write(tmp_path, {**FILES, **much}))


@pytest.mark.parametrize(
    ("table", "place", "told"),
    [
        ("", 1, "a table begins with a line such as `country,name`"),
        ("name\nFR\n", 1, "a table begins with a line"),
        ("country,name,Phone No\nFR,EMEA,1\n", 1, "`Phone No` is no name of a column"),
        ("country,name,x,x\nFR,EMEA,1,2\n", 1, "each with its own name"),
        ("country,name\nFR,EMEA\nUS\n", 3, "this line has 1 values, not 2"),
        ("country,name\nFR,EMEA\n\nfr,APAC\n", 4, "`fr` is said twice"),
        ("country,name\n,EMEA\n", 2, "a line needs a key"),
        ("country,name\nFR, \n", 2, "a line needs a key"),
        ('country,name\nFR,"EM\n', 2, "this is not valid CSV"),
        (f"country,name\nFR,{'x' * 2001}\n", 2, "at most 2000 characters"),
        ("country,name\n" + "".join(f"{n},x\n" for n in range(10_001)), 10_002, "10000 rows"),
    ],
)
def test_mistake_in_a_table_is_told_with_its_line(table: str, place: int, told: str) -> None:
    reporter = Reporter()
    assert read_table("segments/regions.csv", table, reporter) is None
    [problem] = reporter.problems
    assert (problem.place.file, problem.place.line) == ("segments/regions.csv", place)
    assert told in problem.message


def test_table_is_read_as_it_is_meant() -> None:
    text = 'Country , name ,phone\n FR , EMEA ,"+33 1\n70"\nUS,North America,\n'
    text = text.replace("Country , name ", "Country,name")
    rows = read_table("t.csv", text, Reporter())
    assert rows == {
        "fr": {"name": "EMEA", "phone": "+33 1\n70"},
        "us": {"name": "North America"},
    }


def test_only_yaml_files_are_cadences(tmp_path: Path) -> None:
    other = tmp_path / "people.csv"
    other.write_text("email\n")
    with pytest.raises(CadenceError, match=r"people.csv:1:1: the name of a cadence file ends in"):
        load_cadence(other)


def test_a_link_that_leads_nowhere_counts_as_a_cadence_file(tmp_path: Path) -> None:
    real = write(tmp_path, {})
    broken = tmp_path / "broken.yaml"
    broken.symlink_to("nowhere.yaml")
    (tmp_path / "folder.yaml").mkdir()
    assert cadence_files([tmp_path, real]) == [broken, real]
    with pytest.raises(CadenceError, match=r"broken.yaml:1:1: it cannot be read: No such file"):
        load_cadence(broken)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mail.@EMEA.liquid", "call it `mail.@emea.liquid`"),
        ("mail.fr-CA.@North America.liquid", "call it `mail.fr-CA.@north-america.liquid`"),
        ("mail.emea.liquid", "write `NAME.fr.liquid`, `NAME.@emea.liquid` or both"),
    ],
)
def test_a_variant_whose_name_says_no_language_or_region_is_told(
    tmp_path: Path, name: str, meant: str
) -> None:
    path = write(tmp_path, {**FILES, f"templates/trial/{name}": MAIL})
    with pytest.raises(CadenceError) as raised:
        load_cadence(path)
    [problem] = raised.value.problems
    assert problem.place.file == str(tmp_path / "templates" / "trial" / name)
    assert problem.message.endswith(meant)
