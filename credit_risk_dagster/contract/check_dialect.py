"""What is wrong with how a contract says that files are written."""

import codecs
import re
from collections.abc import Iterator

from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.source import Source

ASCII = bytes(range(128))
DATES = re.compile(
    r"(?=.*YYYY)(?=.*MM)(?!(.*YYYY){2})(?!(.*MM){2})(?!(.*DD){2})"
    r"(YYYY|MM|DD)([^A-Za-z0-9]?(YYYY|MM|DD)){1,2}"
)


def dialect_findings(source: Source) -> Iterator[Finding]:
    """Yield everything that is wrong with the dialect of a source."""
    place, dialect = f"source {source.name}, dialect", source.dialect
    if not re.fullmatch(r"[\x00-\x7f]", dialect.delimiter) or dialect.delimiter in "\r\n":
        yield Finding(place, f"the delimiter {dialect.delimiter!r} must be one character of ASCII.")
    if len(dialect.quote) > 1 or not dialect.quote.isascii() or dialect.quote == dialect.delimiter:
        yield Finding(
            place, f"the quote {dialect.quote!r} must be one character of ASCII, or empty for none."
        )
    if not _is_beyond_ascii(dialect.encoding):
        yield Finding(
            place,
            f"the encoding {dialect.encoding!r} is not one of single bytes with ASCII in it, nor "
            "UTF-8: write utf-8, cp1252, iso8859-15 or the like, or have the file converted.",
        )
    if dialect.decimal not in (".", ",") or dialect.decimal == dialect.thousands:
        yield Finding(place, "the decimal sign must be . or , and another one than for thousands.")
    if len(dialect.thousands) > 1 or dialect.thousands.isdigit() or dialect.thousands == "-":
        yield Finding(place, f"{dialect.thousands!r} cannot group the digits of a number.")
    if not DATES.fullmatch(dialect.dates):
        yield Finding(
            place,
            f"the form of dates {dialect.dates!r} must have YYYY and MM, and may have DD, as in "
            "DD.MM.YYYY.",
        )


def _is_beyond_ascii(encoding: str) -> bool:
    try:
        info = codecs.lookup(encoding)
        text = ASCII.decode(encoding)
        single = len(bytes([0xE4]).decode(encoding, "replace")) == 1
    except (LookupError, UnicodeDecodeError, ValueError):
        return False
    return text == ASCII.decode("ascii") and (single or info.name == "utf-8")
