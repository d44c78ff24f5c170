"""Finds names and numbers of persons, thousands of them at once, in all that a run left behind.

What was produced is cut into words, and each pair of words is looked up among the beginnings of the
values: so a scan costs what reading costs, however many persons there are.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import evidently
import pyarrow as pa
import pyarrow.parquet as pq

WORD = re.compile(r"\w+")
SHORTEST = 6
"""What is shorter is a word of many a text that speaks of nobody, or a part of a random number."""

Values = dict[tuple[str, ...], set[str]]
"""Personal values by their first two words; those of one word by that."""


def values_to_find(delivered: Iterable[str]) -> Values:
    """Return what is looked for: each value, and each number without the signs between its digits.

    Left out are short texts and what is no value at all, such as signs alone.
    """
    found: Values = {}
    for value in delivered:
        plain = value.strip()
        digits = re.sub(r"[\s./-]", "", plain)
        for text in {plain, digits if digits.isdecimal() else plain}:
            words = WORD.findall(text)
            if words and len(text) >= SHORTEST:
                found.setdefault(tuple(words[:2]), set()).add(text[text.index(words[0]) :])
    return found


def values_in(text: str, values: Values) -> set[str]:
    """Return the values that stand in a text, as whole words."""
    words = WORD.findall(text)
    possible = values.keys() & {*zip(words), *pairwise(words)}
    held = {value for beginning in possible for value in values[beginning] if value in text}
    return {value for value in held if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)}


def produced_texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file below a folder but bronze's, with its text: of an archive that of its files.

    Raises:
        AssertionError: if there is none.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert files, folder
    for path in files:
        if "bronze" not in path.relative_to(folder).parts:
            yield path, _text_of(path)


def _text_of(path: Path) -> str:
    if path.suffix == ".parquet":
        return _text_of_parquet(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [archive.read(name).decode("utf-8", "replace") for name in archive.namelist()]
        return "\n".join(members)
    text = path.read_bytes().decode("utf-8", "replace")
    return text.replace(_report_script(), "") if path.suffix == ".html" else text


@cache
def _report_script() -> str:
    """Return what Evidently puts into every report, which speaks of nobody: "Before Christ"."""
    path = Path(evidently.__file__).parent / "nbextension" / "static" / "index.js"
    return path.read_text(encoding="utf-8")


def _text_of_parquet(path: Path) -> str:
    table = pq.read_table(path, partitioning=None)
    columns = (table.column(field.name) for field in table.schema if pa.types.is_string(field.type))
    texts = (text or "" for column in columns for text in column.unique().to_pylist())
    return "\n".join([str(table.schema), *texts])


def found_in(folder: Path, values: Values) -> dict[str, list[str]]:
    """Return the files below a folder, but for bronze's, that hold personal values; with these."""
    held = ((path, values_in(text, values)) for path, text in produced_texts(folder))
    return {path.relative_to(folder).as_posix(): sorted(found) for path, found in held if found}
