"""Mail templates: front matter and a body, compiled to subject, preview, HTML and text.

A `.liquid` body is light markup (`cadenza.language.markup`); a
`.html.liquid` body is HTML, used as it is, with the text made from it.
What a mail must or should end with is added where the template does not
place it itself: the signature of the owner, else of the sender account, and
in sales mails the postal address and the unsubscribe link (CAN-SPAM
§5(a)(5), RFC 8058's visible twin).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from inscriptis import get_text
from inscriptis.model.config import ParserConfig

from cadenza.errors import RenderError
from cadenza.language.fields import read_yaml
from cadenza.language.markup import Shelter, check_links, line_to_html, to_html, to_text
from cadenza.language.partials import Partials, without_renders
from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text
from cadenza.language.template import Template, Variables, compile_template
from cadenza.language.variants import PLAIN, Variant, languages

_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?P<matter>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_NOT_IN_A_LINE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")

_HEAD = (
    '<!doctype html>\n<html><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"></head>\n'
    '<body style="margin:0;padding:16px;font:15px/1.5 Arial,Helvetica,sans-serif;color:#1f2933">\n'
)
_FOOT = "</body></html>\n"
_SIGNATURE = "owner.signature | default: sender.signature | default: owner.name"
_UNSUBSCRIBE = {
    "de": "Abmelden",
    "en": "Unsubscribe",
    "es": "Darse de baja",
    "fr": "Se désinscrire",
    "it": "Annulla l’iscrizione",
    "nl": "Afmelden",
    "pt": "Cancelar a subscrição",
}
_SMALL = '<p style="margin:24px 0 0;font-size:12px;color:#66727f">'
_BODY_TAG = re.compile(r"<body[^>]*>", re.IGNORECASE)
_END_OF_BODY = re.compile(r"</body\s*>", re.IGNORECASE)
_BULLET = re.compile(r"^ *\* ", re.MULTILINE)
_MANY_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, kw_only=True)
class RenderedEmail:
    """One mail's texts, final. subject and preview are single lines; preview may be empty.

    variant: which one of its template, e.g. `fr.@emea`; empty for the plain one.
    """

    subject: str
    preview: str
    html: str
    text: str
    variant: str = ""


@dataclass(frozen=True, kw_only=True)
class EmailTemplate:
    """A compiled mail, or one variant of it.

    subject: None if it has none, as mails that reply in a thread have.
    """

    subject: Template | None
    preview: Template | None
    html: Template
    text: Template
    place: Place
    variant: Variant = PLAIN

    def render(self, variables: Variables, *, subject: Template, prefix: str) -> RenderedEmail:
        """Fill all parts. Raises MissingVariable, RenderError."""
        line = one_line(subject.render(variables))
        if not line:
            raise RenderError("the subject came out empty; give its fallbacks a text")
        return RenderedEmail(
            subject=prefix + line,
            preview=one_line(self.preview.render(variables)) if self.preview else "",
            html=self.html.render(variables),
            text=self.text.render(variables).strip() + "\n",
            variant=str(self.variant),
        )


def one_line(text: str) -> str:
    """`text` without line breaks and other control characters, so that it can stand in a header."""
    return _NOT_IN_A_LINE.sub(" ", text).strip()


def compile_email(
    file: str,
    source: str,
    *,
    service: bool,
    reporter: Reporter,
    partials: Partials | None = None,
    variant: Variant = PLAIN,
) -> EmailTemplate | None:
    """Check and compile one template file. None after reporting what prevents it.

    partials: where `render` finds them; None: there are none.
    """
    partials = partials or Partials(cadence="", files={}, locale="en", reporter=reporter)
    front = _FRONT_MATTER.match(source)
    if front is None:
        reporter.problem(
            Place(file=file, line=1, column=1),
            "a mail template begins with a line `---`, `subject: …`, and another line `---`",
        )
        return None
    subject, preview = _front_matter(file, front["matter"], reporter)
    lines = [
        compile_template(line, autoescape=False, reporter=reporter) if line else None
        for line in (subject, preview)
    ]
    body = Text(
        value=source[front.end() :].rstrip(),
        place=Place(file=file, line=source[: front.end()].count("\n") + 1, column=1),
        verbatim=True,
    )
    parts = _compile_body(
        body, preview.value if preview else "", variant, partials=partials, service=service
    )
    if parts is None or (subject and lines[0] is None):
        return None
    return EmailTemplate(
        subject=lines[0],
        preview=lines[1],
        html=parts[0],
        text=parts[1],
        place=Place(file=file, line=1, column=1),
        variant=variant,
    )


def _compile_body(
    body: Text, preview: str, variant: Variant, *, partials: Partials, service: bool
) -> tuple[Template, Template] | None:
    """The HTML and the text part, with what they should end with."""
    reporter = partials.reporter
    if not body.value.strip():
        reporter.problem(body.place, "this mail has no body; write one below the second `---`")
        return None
    is_html = body.place.file.endswith(".html.liquid")
    checked = compile_template(without_renders(body), autoescape=False, reporter=reporter)
    if not is_html:
        check_links(body, reporter)
    if checked is None:
        return None
    whole = partials.expand(body, variant, "html" if is_html else "markup")
    used = _used(whole, body, checked, reporter)
    if whole is None or used is None:
        return None
    endings = _endings(used, variant.locale or partials.locale, service=service)
    if is_html:
        html = _html_of_html(whole, preview, endings)
        text = _text_of_html(whole) + _text_endings(endings)
    else:
        html = _html_of_markup(whole, preview, endings)
        text = to_text(whole) + _text_endings(endings)
    compiled_html = _compile_derived(html, body, autoescape=True, reporter=reporter)
    compiled_text = _compile_derived(text, body, autoescape=False, reporter=reporter)
    if compiled_html is None or compiled_text is None:
        return None
    return compiled_html, compiled_text


def _used(
    whole: str | None, body: Text, checked: Template, reporter: Reporter
) -> frozenset[str] | None:
    """The variables of a body with its partials in place."""
    if whole is None or whole == body.value:
        return checked.variables
    template = _compile_derived(whole, body, autoescape=False, reporter=reporter)
    return None if template is None else template.variables


def _front_matter(file: str, matter: str, reporter: Reporter) -> tuple[Text | None, Text | None]:
    if not matter.strip():
        return None, None
    fields = read_yaml(file, "\n" + matter, reporter, what="a mail template's front matter")
    if fields is None:
        return None, None
    subject, preview = fields.text("subject"), fields.text("preview")
    fields.done()
    return subject, preview


def _compile_derived(
    source: str, body: Text, *, autoescape: bool, reporter: Reporter
) -> Template | None:
    """Compile what was made from a body that is already checked; its places mean nothing."""
    own = Reporter()
    made = Text(value=source, place=body.place)
    template = compile_template(made, autoescape=autoescape, reporter=own)
    if template is None:
        reporter.problem(
            body.place,
            "the markup and the Liquid of this body are entangled; "
            "give each `{% … %}` that spans paragraphs a line of its own",
        )
    return template


@dataclass(frozen=True)
class _Ending:
    html: str
    text: str


def _endings(used: frozenset[str], locale: str, *, service: bool) -> Sequence[_Ending]:
    endings = []
    if used.isdisjoint({"owner.signature", "sender.signature"}):
        endings.append(
            _Ending(
                f'<p style="margin:0">{{{{ {_SIGNATURE} | newline_to_br }}}}</p>',
                f"{{{{ {_SIGNATURE} }}}}",
            )
        )
    if service:
        return endings
    if "organisation.postal_address" not in used:
        endings.append(
            _Ending(
                f"{_SMALL}{{{{ organisation.name }}}}<br>"
                "{{ organisation.postal_address | newline_to_br }}</p>",
                "-- \n{{ organisation.name }}\n{{ organisation.postal_address }}",
            )
        )
    if "unsubscribe_url" not in used:
        known = [_UNSUBSCRIBE[tag] for tag in languages(locale) if tag in _UNSUBSCRIBE]
        word = known[0] if known else _UNSUBSCRIBE["en"]
        endings.append(
            _Ending(
                f'{_SMALL}<a href="{{{{ unsubscribe_url }}}}">{word}</a></p>',
                f"{word}: {{{{ unsubscribe_url }}}}",
            )
        )
    return endings


def _text_endings(endings: Sequence[_Ending]) -> str:
    return "".join(f"{ending.text}\n\n" for ending in endings)


def _hidden_preview(preview: str) -> str:
    if not preview:
        return ""
    return f'<div style="display:none;max-height:0;overflow:hidden">{line_to_html(preview)}</div>\n'


def _html_of_markup(body: str, preview: str, endings: Sequence[_Ending]) -> str:
    ends = "\n".join(ending.html for ending in endings)
    return f"{_HEAD}{_hidden_preview(preview)}{to_html(body)}{ends}\n{_FOOT}"


def _html_of_html(body: str, preview: str, endings: Sequence[_Ending]) -> str:
    ends = "\n".join(ending.html for ending in endings)
    opened = _BODY_TAG.search(body)
    at = opened.end() if opened else 0
    body = body[:at] + _hidden_preview(preview) + body[at:]
    closed = list(_END_OF_BODY.finditer(body))
    at = closed[-1].start() if closed else len(body)
    return f"{body[:at]}{ends}\n{body[at:]}"


def _text_of_html(body: str) -> str:
    shelter = Shelter(body)
    plain = get_text(shelter.marked, ParserConfig(display_links=True))
    plain = _MANY_BLANK_LINES.sub("\n\n", _BULLET.sub("- ", plain))
    return to_text(shelter.restore(plain)) + "\n"
