"""What texts that people give to things may look like: names, labels, slugs, reasons. They are kept in Unicode NFC."""

import re
import unicodedata

from shared.errors import Invalid

LONGEST_NAME = 120
LONGEST_LABEL = 40
LONGEST_REASON = 500
MOST_MARKS_IN_A_ROW = 6

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
# Controls, formats (zero-width, bidi overrides), surrogates, private use, unassigned, line and paragraph separators.
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters and marks that show nothing: two different names would look the same.
_INVISIBLE = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u3164", "\uffa0"}


class BadText(Invalid):
    """A text that this field cannot hold. Parameters: field, reason."""

    code = "request/bad-text"
    title = "This text is not allowed here."


def name(text: str, field: str = "name") -> str:
    """A display name of 1 to 120 code points, normalised and stripped; raises BadText."""
    return _clean(text, field, LONGEST_NAME)


def label(text: str, field: str) -> str:
    """A short text such as a category or a member number, of 1 to 40 code points; raises BadText."""
    return _clean(text, field, LONGEST_LABEL)


def reason(text: str, field: str = "reason") -> str:
    """A reason of 1 to 500 code points on one line; raises BadText."""
    return _clean(text, field, LONGEST_REASON)


def slug(text: str, field: str = "slug") -> str:
    """2 to 40 of a-z, 0-9 and, not first, hyphen; raises BadText. ASCII alone, so that no two slugs look alike."""
    if _SLUG.fullmatch(text) is None:
        raise BadText(field=field, reason="not 2 to 40 of a-z, 0-9 and, not first, hyphen")
    return text


def _clean(text: str, field: str, longest: int) -> str:
    # The first limit bounds the work: normalising shortens no text to less than a third.
    if len(text) > 4 * longest:
        raise BadText(field=field, reason=f"longer than {longest}")
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES or character in _INVISIBLE for character in text):
        raise BadText(field=field, reason="a control or invisible character")
    cleaned = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(cleaned) <= longest:
        raise BadText(field=field, reason=f"not 1 to {longest} characters")
    if _longest_run_of_marks(cleaned) > MOST_MARKS_IN_A_ROW:
        raise BadText(field=field, reason="too many combining marks")
    return cleaned


def _longest_run_of_marks(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character).startswith("M") else 0
        longest = max(longest, run)
    return longest
