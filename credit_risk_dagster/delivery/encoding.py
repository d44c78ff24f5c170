"""The encoding of a delivery's text: UTF-8, or one in which each byte is a character."""

import codecs
from dataclasses import dataclass
from functools import cache

import numpy as np

from credit_risk_dagster.delivery.syntax import Integers, Truths, lines_holding
from credit_risk_dagster.errors import PlatformError

UTF8_MARK = b"\xef\xbb\xbf"

_UNDEFINED = "\ufffe"
"""What stands in a table of characters where a byte is none, as Python's codecs have it."""


@dataclass(frozen=True)
class Encoding:
    """An encoding in which the characters of ASCII are the bytes of ASCII.

    Attributes:
        name: what people call it.
        characters: that of each byte; none for UTF-8.
        undefined: which bytes stand for no character; none of them for UTF-8.
    """

    name: str
    characters: str | None
    undefined: Truths

    def decode(self, text: bytes, errors: str = "strict") -> str:
        """Return text; a byte order mark is a character of it.

        Raises:
            UnicodeDecodeError: if errors are strict and there is one.
        """
        if self.characters is None:
            return text.decode("utf-8", errors)
        return codecs.charmap_decode(text, errors, self.characters)[0]

    def is_valid(self, text: bytes) -> bool:
        """Return whether all of a text can be decoded."""
        try:
            self.decode(text)
        except UnicodeDecodeError:
            return False
        return True


def badly_encoded_lines(
    block: bytes, starts: Integers, ends: Integers, encoding: Encoding
) -> Truths:
    """Return which lines of a block cannot be decoded."""
    badly_encoded = np.zeros(len(starts), dtype=np.bool_)
    if encoding.characters is not None:
        if encoding.undefined.any():
            undefined = encoding.undefined[np.frombuffer(block, dtype=np.uint8)]
            badly_encoded = lines_holding(np.flatnonzero(undefined), starts)
        return badly_encoded
    if block.isascii() or encoding.is_valid(block):
        return badly_encoded
    beyond_ascii = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) >= 0x80)
    for line in np.flatnonzero(lines_holding(beyond_ascii, starts)):
        badly_encoded[line] = not encoding.is_valid(block[starts[line] : ends[line]])
    return badly_encoded


@cache
def encoding_of(name: str) -> Encoding:
    """Return the encoding of a name that Python knows.

    Raises:
        PlatformError: if there is none of the name, or lines could not be told apart in it by
            the bytes of ASCII.
    """
    try:
        codec = codecs.lookup(name).name
        if codec in ("utf-8", "utf-8-sig"):
            return Encoding("UTF-8", None, np.zeros(256, dtype=np.bool_))
        characters = "".join(_decoded(bytes([byte]), codec) or _UNDEFINED for byte in range(256))
    except LookupError:
        characters = ""
    if characters[:128] != bytes(range(128)).decode("ascii") or _joins_bytes(codec, characters):
        raise PlatformError(
            f"The contract has the encoding {name!r}, which cannot be read: it is neither UTF-8 "
            "nor one of Python's encodings with one byte for each character and ASCII among them, "
            "such as cp1252 or iso8859-15. Correct the dialect, or have UTF-8 delivered."
        )
    return Encoding(name, characters, np.array([one == _UNDEFINED for one in characters]))


def _decoded(text: bytes, codec: str) -> str | None:
    try:
        decoded = text.decode(codec)
    except UnicodeError:
        return None
    return decoded if len(decoded) == len(text) else None


def _joins_bytes(codec: str, characters: str) -> bool:
    """Return whether bytes that are no characters alone are one together with the next."""
    undefined = [byte for byte in range(256) if characters[byte] == _UNDEFINED]
    for first in undefined:
        for second in range(256):
            try:
                bytes([first, second]).decode(codec)
            except UnicodeError:
                continue
            return True
    return False
