"""What a delivered file is by its name, and what it is by its first bytes."""

import re
from dataclasses import dataclass
from enum import StrEnum

ACCEPTED = ".csv or .txt (either may be compressed: .gz or .zst) or .parquet"


class DamagedError(Exception):
    """A file is not what it says it is; the text says why, without its data."""


class Content(StrEnum):
    """What stands in a file, once it is decompressed."""

    TEXT = "text"
    """A header line and lines."""
    PARQUET = "a Parquet file"


@dataclass(frozen=True)
class Format:
    """How a file is to be read; `compression` is a codec's name, none if it is not compressed."""

    content: Content
    compression: str | None = None


_SUFFIX = re.compile(
    r"\.(?P<text>csv|txt)(?:\.(?P<codec>gz|zst))?\Z"
    r"|(?:\.(?:snappy|gz|zstd|lz4|brotli))?\.parquet\Z",  # as Spark names its codecs
    re.IGNORECASE,
)
_CODECS = {"gz": "gzip", "zst": "zstd"}

_OTHER_SUFFIXES = {
    **dict.fromkeys(("xlsx", "xlsm", "xls", "xlsb", "ods"), "a workbook"),
    **dict.fromkeys(("zip", "7z", "rar", "tar", "tgz"), "an archive"),
    "bz2": "compressed with bzip2",
    **dict.fromkeys(("xz", "lzma"), "compressed with xz"),
    "lz4": "compressed with lz4",
    "z": "compressed with compress",
    "gz": "compressed with gzip and not named .csv.gz or .txt.gz",
    "zst": "compressed with zstd and not named .csv.zst or .txt.zst",
    "zstd": "compressed with zstd and not named .csv.zst or .txt.zst",
    **dict.fromkeys(("enc", "gpg", "pgp", "asc", "aes", "p7m", "age"), "encrypted"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "JSON"),
    "xml": "XML",
    **dict.fromkeys(("tsv", "tab", "dat", "psv"), "not named .csv or .txt"),
    "orc": "an ORC file",
    "avro": "an Avro file",
    **dict.fromkeys(("feather", "arrow", "ipc"), "an Arrow file"),
    "sas7bdat": "a SAS data set",
    **dict.fromkeys(("db", "sqlite", "sqlite3", "mdb", "accdb"), "a database"),
    "pdf": "a PDF document",
}

_MAGIC = {
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel file",
    b"PAR1": Content.PARQUET.value,
    b"PARE": "an encrypted Parquet file",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"ARROW1": "an Arrow file",
    b"-----BEGIN PGP": "encrypted",
    b"Salted__": "encrypted",
    b"%PDF": "a PDF document",
    b"SQLite format 3\0": "a database",
    b"{": "JSON",
    b"[{": "JSON",
    b"<?xml": "XML",
    b"\xff\xfe": "encoded as UTF-16",
    b"\xfe\xff": "encoded as UTF-16",
}
_TAR_AT, _TAR = 257, b"ustar"
_CODEC_MAGIC = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # or a frame to be skipped
}
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def format_of(name: str) -> Format | None:
    """Return the format that a file's name tells, if it is one that is read."""
    suffix = _SUFFIX.search(name)
    if suffix is None:
        return None
    if suffix["text"] is None:
        return Format(Content.PARQUET)
    codec = suffix["codec"]
    return Format(Content.TEXT, _CODECS[codec.lower()] if codec else None)


def without_suffix(name: str) -> str:
    """Return a name without what tells its format."""
    return _SUFFIX.sub("", name)


def is_compressed(beginning: bytes, codec: str) -> bool:
    """Return whether the first bytes of a file are those of a codec."""
    return _CODEC_MAGIC[codec].match(beginning) is not None


def other_name(name: str) -> str | None:
    """Say what a file is by a name that tells no format that is read, if that is known."""
    return _OTHER_SUFFIXES.get(name.rpartition(".")[2].lower())


def other_content(beginning: bytes) -> str | None:
    """Say what a file is whose first bytes are those of no text; None if they may be."""
    if beginning[_TAR_AT:].startswith(_TAR):
        return "a tar archive"
    for magic, form in _MAGIC.items():
        # PARENT_ID begins as an encrypted Parquet file does: letters alone are a header.
        if beginning.startswith(magic) and (not magic.isalnum() or _BINARY.search(beginning)):
            return form
    return None
