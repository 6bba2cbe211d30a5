"""What a mail carries: files beside the cadence, chosen by name when the mail is filled.

`attach: ["guide.pdf", "{{ subject.kind }}.pdf"]` names files of the folder
`attachments/` beside the cadence file. In a version's sources they are
text: base64 under `attachments/<name>`.
"""

import base64
import binascii
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate

from cadenza.errors import RenderError
from cadenza.language.reporter import Reporter
from cadenza.language.source import Text, did_you_mean
from cadenza.language.template import Template, Variables, compile_template
from cadenza.model import Attachment

ATTACHMENT_FOLDER = "attachments"
MOST_OCTETS_OF_A_MAIL = 7 * 1024 * 1024
"""In base64 that is just under 10 MiB, which every large mail provider takes."""
MOST_ATTACHMENTS = 10

_NAME = re.compile(r"[^\s./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f\u2028\u2029]{0,119}")
_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)

# Only what comes with Python, and not what this host's files say: the same everywhere.
_TYPES = mimetypes.MimeTypes(filenames=())
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_MORE_TYPES = {
    ".docx": f"{_OPEN_XML}.wordprocessingml.document",
    ".xlsx": f"{_OPEN_XML}.spreadsheetml.sheet",
    ".pptx": f"{_OPEN_XML}.presentationml.presentation",
    ".ics": "text/calendar",
    ".md": "text/markdown",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".webp": "image/webp",
}
_UNKNOWN = "application/octet-stream"


def media_type(name: str) -> str:
    """The content type that a file's name stands for."""
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    found = _MORE_TYPES.get(ending)
    if found is None:
        found, encoding = _TYPES.guess_type(name)
        if encoding is not None:  # guide.tar.gz is no tar archive until it is unpacked
            return _UNKNOWN
    # A mail within a mail, or what has parts, must not be written in base64 (RFC 2046 §5).
    return _UNKNOWN if found is None or found.startswith(("message/", "multipart/")) else found


def is_attachment_name(name: str) -> bool:
    """Whether a file may be called that: no folders, nothing hidden, no control characters."""
    return bool(_NAME.fullmatch(name)) and name == name.strip()


def may_name(said: str, name: str) -> bool:
    """Whether `attach: said`, which may hold Liquid, can name the file `name`."""
    literal = [re.sub(r"([*?\[])", r"[\1]", part) for part in _LIQUID.split(said)]
    return bool(re.fullmatch(translate("*".join(literal)), name))


@dataclass(frozen=True, kw_only=True)
class Attachments:
    """The attachments of one step. files: those of the version, name → base64."""

    names: Sequence[Template]
    files: Mapping[str, str]
    _read: dict[str, Attachment] = field(default_factory=dict, compare=False, repr=False)

    def choose(self, variables: Variables) -> Sequence[Attachment]:
        """The files for one mail; a name that comes out empty means none.

        Raises MissingVariable, and RenderError for a name that no file has
        or for too much.
        """
        chosen: dict[str, Attachment] = {}
        for template in self.names:
            name = template.render(variables).strip()
            if name:
                chosen[name] = self._file(name)
        size = sum(len(attachment.content) for attachment in chosen.values())
        if size > MOST_OCTETS_OF_A_MAIL:
            raise RenderError(
                f"the attachments have {size // 1024} KiB together, over "
                f"{MOST_OCTETS_OF_A_MAIL // 1024}; attach less, or link to it"
            )
        return tuple(chosen.values())

    def _file(self, name: str) -> Attachment:
        found = self._read.get(name)
        if found is None:
            if name not in self.files:
                raise RenderError(
                    f"there is no attachment {name!r}; put it into the folder "
                    f"`{ATTACHMENT_FOLDER}` beside the cadence and apply it"
                )
            found = Attachment(
                name=name, content=decoded(self.files[name]), media_type=media_type(name)
            )
            self._read[name] = found
        return found


def encoded(content: bytes) -> str:
    """A file as it stands in sources."""
    return base64.b64encode(content).decode("ascii")


def decoded(source: str) -> bytes:
    """The file behind its text in sources. Raises RenderError if it is none."""
    try:
        return base64.b64decode(source, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RenderError("an attachment is not in base64; apply the cadence anew") from error


def compile_attachments(
    said: Sequence[Text], sources: Mapping[str, str], reporter: Reporter
) -> Attachments | None:
    """Check and compile `attach:`. None after reporting what is wrong, and for nothing said."""
    prefix = f"{ATTACHMENT_FOLDER}/"
    files = {
        path.removeprefix(prefix): text for path, text in sources.items() if path.startswith(prefix)
    }
    if len(said) > MOST_ATTACHMENTS:
        reporter.problem(
            said[MOST_ATTACHMENTS].place, f"a mail carries at most {MOST_ATTACHMENTS} files"
        )
        return None
    names = [_compile(text, files, reporter) for text in said]
    whole = [name for name in names if name is not None]
    if not whole or len(whole) < len(said):
        return None
    return Attachments(names=tuple(whole), files=files)


def _compile(text: Text, files: Mapping[str, str], reporter: Reporter) -> Template | None:
    if not any(may_name(text.value, name) for name in files):
        guess = did_you_mean(text.value, files)
        reporter.problem(
            text.place,
            f"there is no attachment `{text.value}`{guess}; "
            f"put the file into the folder `{ATTACHMENT_FOLDER}` beside the cadence",
            rule="missing-template",
        )
        return None
    return compile_template(text, autoescape=False, reporter=reporter)
