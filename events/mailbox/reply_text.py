"""The new part of a reply: what the person wrote, without what they answered to."""

import re

from events.text import storable_text

_MAX_CHARACTERS = 64 * 1024
_MAX_LINES = 2_000
_MAX_LINE = 1_000
_DECORATION = "> \t*_-"

# "On Tue, 3 Mar 2026 at 10:00, Jane <jane@example.org> wrote:" in the languages that mail
# programs write it in, always with a date; people who write "as Bob said and wrote:" give none.
# Matched against lines without quotation marks, so that no input is slow.
_WROTE = re.compile(
    r"""(?=.*\d)(?: On\ .{4,400}[\ >]wrote
      | Le\ .{4,400}\ a\ [ée]crit
      | Am\ .{4,400}\ schrieb\b.{0,200}
      | El\ .{4,400}\ escribi[óo]
      | Il\ .{4,400}\ ha\ scritto
      | Op\ .{4,400}\ schreef\b.{0,200}
      | Em\ .{4,400}\ escreveu
      | (?:Den|På)\ .{4,400}\ skrev\b.{0,200}
      | (?:W\ dniu|Dnia)\ .{4,400}\ (?:napisał\(?a?\)?|pisze)
      | Dne\ .{4,400}\ napsala?\(?a?\)?
      | .{4,400}[\ >](?:wrote|kirjoitti|пишет|написала?)
    )\s?:""",
    re.IGNORECASE | re.VERBOSE,
)
_WROTE_BEGINS = re.compile(
    r"(?:On|Le|Am|El|Il|Op|Em|Den|På|W dniu|Dnia|Dne)\s.{0,80}\d", re.IGNORECASE
)
_LONGEST_WROTE_LINES = 4

# The line above an original that is not marked line by line.
_RULE = re.compile(
    r"""(?: original\ (?:message|appointment) | forwarded\ message
      | message\ (?:d['’]origine|original|transf[ée]r[ée])
      | ursprüngliche\ nachricht | mensaje\ original | mensagem\ original
      | messaggio\ originale | oorspronkelijk\ bericht | ursprungligt\ meddelande
    )\s?[-_]*:?
    | begin\ forwarded\ message\s?: | d[ée]but\ du\ message\ (?:r[ée]exp[ée]di|transf[ée]r)[ée]\s?:
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HEADER_FROM = re.compile(
    r"(?:from|de|von|da|van|från|fra|od|от|lähettäjä)\s?\*?\s?:\*?\s*\S", re.IGNORECASE
)
_HEADER_OTHER = re.compile(
    r"""(?: sent | date | to | cc | subject | envoy[ée] | [àa] | objet
      | gesendet | datum | an | betreff | enviado | fecha | para | asunto
      | inviato | data | oggetto | verzonden | aan | onderwerp
      | skickat | till | ämne | sendt | til | emne | wysłano | do | temat
      | отправлено | дата | кому | тема
    )\s?\*?\s?:""",
    re.IGNORECASE | re.VERBOSE,
)
_SIGNATURE = re.compile(r"--\s?|_{20,}")
_SENT_FROM = re.compile(
    r"""(?: sent\ from\ my\ [\w\ ]{1,40}
      | sent\ (?:from|via|with)\ (?:outlook|yahoo|gmail|mail|proton|samsung|android)[\w\ ]{0,40}
      | get\ outlook\ for\ \w+ | obtenir\ outlook\ pour\ \w+
      | envoy[ée]\ (?:de|depuis|à\ partir\ de)\ (?:mon|ma|outlook|yahoo|l['’])[\w\ ]{1,40}
      | von\ meinem\ [\w\ ]{1,30}\ gesendet | gesendet\ von\ mail[\w\ ]{1,30}
      | enviado\ desde\ mi\ [\w\ ]{1,30} | enviado\ do\ meu\ [\w\ ]{1,30}
      | inviato\ da(?:l\ mio)?\ [\w\ ]{1,30} | verstuurd\ vanaf\ mijn\ [\w\ ]{1,30}
    )\.?""",
    re.IGNORECASE | re.VERBOSE,
)


def new_text(text: str) -> str:
    """What is new in the text of a reply; all of it if nothing new can be told apart.

    Answers written between quoted lines stay. At most 16 KiB, storable.
    """
    lines = [
        line[:_MAX_LINE].rstrip()
        for line in text[:_MAX_CHARACTERS].replace("\r\n", "\n").split("\n")[:_MAX_LINES]
    ]
    new = "\n".join(_without_tail(_without_quotes(lines))).strip()
    return storable_text(new or "\n".join(lines).strip())


def _without_quotes(lines: list[str]) -> list[str]:
    kept: list[str] = []
    index = 0
    while index < len(lines) and not _begins_original(lines, index):
        if introduction := _introduction_lines(lines, index):
            index += introduction
            # Without marks, all that follows is the original, if something was said before.
            if _has_words(kept) and not _is_quoted_below(lines, index):
                break
            continue
        if not lines[index].lstrip().startswith(">"):
            kept.append(lines[index])
        index += 1
    return kept


def _begins_original(lines: list[str], index: int) -> bool:
    bare = lines[index].strip(_DECORATION)
    if _RULE.fullmatch(bare):
        return True
    if not _HEADER_FROM.match(bare):
        return False
    following = [line.strip(_DECORATION) for line in lines[index + 1 : index + 9]]
    headers = [line for line in following if line][:4]
    return sum(1 for line in headers if _HEADER_OTHER.match(line)) >= 2


def _introduction_lines(lines: list[str], index: int) -> int:
    """How many lines from `index` on are an "On … wrote:"; 0 if none."""
    joined = lines[index].strip(_DECORATION)
    most = _LONGEST_WROTE_LINES if _WROTE_BEGINS.match(joined) else 1
    for count in range(1, most + 1):
        if joined.endswith(":") and _WROTE.fullmatch(joined):
            return count
        following = lines[index + count].strip(_DECORATION) if index + count < len(lines) else ""
        if not following:
            return 0
        joined = f"{joined} {following}"
    return 0


def _is_quoted_below(lines: list[str], index: int) -> bool:
    following = next((line.strip() for line in lines[index:] if line.strip()), "")
    return following.startswith(">")


def _has_words(lines: list[str]) -> bool:
    return any(line.strip() for line in lines)


def _without_tail(lines: list[str]) -> list[str]:
    """Without signature, mailing list footer and what phones add."""
    for index, line in enumerate(lines):
        if _SIGNATURE.fullmatch(line) and _has_words(lines[:index]):
            lines = lines[:index]
            break
    lines = [line for line in lines if not _SENT_FROM.fullmatch(line.strip())]
    while lines and not lines[-1].strip(_DECORATION):
        lines.pop()
    return lines
