"""Lists of expressions, written one to a line so that they can be read and added to."""

import re


def any_of(lines: str) -> re.Pattern[str]:
    """An expression that matches what any line of `lines` does, in any case.

    Blanks around a line do not count; every other blank stands for itself.
    """
    alternatives = (line.strip() for line in lines.splitlines())
    return re.compile("|".join(one for one in alternatives if one), re.IGNORECASE | re.MULTILINE)
