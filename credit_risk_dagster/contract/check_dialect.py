"""What is wrong with how a contract says that files are written."""

import re
from collections.abc import Iterator

from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.source import Source

ASCII = bytes(range(128))
SIGN = re.compile(r"(?![\r\n])[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]")
DATES = re.compile(
    r"(?=.*YYYY)(?=.*MM)(?!(.*YYYY){2})(?!(.*MM){2})(?!(.*DD){2})"
    r"(YYYY|MM|DD)([^A-Za-z0-9]?(YYYY|MM|DD)){1,2}"
)


def dialect_findings(source: Source) -> Iterator[Finding]:
    """Yield everything that is wrong with the dialect of a source."""
    place, dialect = f"source {source.name}, dialect", source.dialect
    if not SIGN.fullmatch(dialect.delimiter):
        yield Finding(
            place,
            f"the delimiter {dialect.delimiter!r} must be one character of ASCII, neither letter "
            "nor digit.",
        )
    if dialect.quote and (not SIGN.fullmatch(dialect.quote) or dialect.quote == dialect.delimiter):
        yield Finding(
            place,
            f"the quote {dialect.quote!r} must be one character of ASCII other than the delimiter, "
            "neither letter nor digit, or empty for none.",
        )
    if not dialect.quote and dialect.delimiter in (dialect.decimal, dialect.thousands):
        yield Finding(place, "numbers hold the delimiter and nothing quotes them.")
    if not _is_beyond_ascii(dialect.encoding):
        yield Finding(
            place,
            f"the encoding {dialect.encoding!r} is not one of single bytes with ASCII in it, nor "
            "UTF-8: write utf-8, cp1252, iso8859-15 or the like, or have the file converted.",
        )
    if dialect.decimal not in (".", ",") or dialect.decimal == dialect.thousands:
        yield Finding(place, "the decimal sign must be . or , and another one than for thousands.")
    if len(dialect.thousands) > 1 or re.fullmatch(r"[\w+\-]", dialect.thousands):
        yield Finding(place, f"{dialect.thousands!r} cannot group the digits of a number.")
    if not DATES.fullmatch(dialect.dates):
        yield Finding(
            place,
            f"the form of dates {dialect.dates!r} must have YYYY and MM, and may have DD, as in "
            "DD.MM.YYYY.",
        )


def _is_beyond_ascii(encoding: str) -> bool:
    """Whether delimiters are found by their bytes: ASCII stays ASCII, and no letter swallows it."""
    try:
        text = ASCII.decode(encoding)
        escaped = rb"\u0041".decode(encoding)
        after = [bytes([byte, ord("A")]).decode(encoding, "replace") for byte in range(128, 256)]
    except (LookupError, ValueError):
        return False
    if text != ASCII.decode("ascii") or escaped != r"\u0041":
        return False
    return all(len(pair) == 2 and pair.endswith("A") for pair in after)
