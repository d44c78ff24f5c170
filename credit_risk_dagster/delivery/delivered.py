"""Which months of a source have been delivered, and with what content."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from credit_risk_dagster.contract.sources import Source
from credit_risk_dagster.delivery.files import DeliveredFile, find_files
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.lines import NO_MONTH
from credit_risk_dagster.delivery.month import read_months
from credit_risk_dagster.delivery.reader import judged_lines, month_key

MEMORY_BYTES = 256 << 20

_FORMAT = 1


def delivered_months(
    folder: Path,
    source: Source,
    accept_unterminated_line: bool = False,
    cache: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Return the content hash of every month that a source has lines of, in month order.

    Args:
        folder: the raw folder.
        source: the source to look for.
        accept_unterminated_line: as in `read_months`.
        cache: answers of earlier calls, by source; JSON-able. While the files of a source have the
            same paths, sizes and times of change, none of them is read. A new answer is put in.

    Raises:
        DeliveryError: if a file cannot be read.
    """
    files = find_files(folder, source)
    seen = [[file.relative, file.size, file.modified.isoformat()] for file in files]
    state = {"format": _FORMAT, "unterminated": accept_unterminated_line, "files": seen}
    known = (cache or {}).get(source.name)
    if known is not None and known["state"] == state:
        return dict(known["months"])
    sizes = _month_sizes(files, source, accept_unterminated_line)
    months = {
        delivery.month: delivery.content_hash
        for group in _groups(sizes)
        for delivery in read_months(folder, source, group, accept_unterminated_line)
    }
    if cache is not None:
        cache[source.name] = {"state": state, "months": months}
    return dict(months)


def _month_sizes(
    files: list[DeliveredFile], source: Source, accept_unterminated_line: bool
) -> dict[str, int]:
    """Return how many bytes of lines each month has, in month order."""
    sizes: dict[str, int] = {}
    for file in files:
        header = read_header(file, source)
        for lines in judged_lines(file, source, header, accept_unterminated_line):
            lengths = lines.ends - lines.starts
            for number in np.unique(lines.months):
                named = None if number == NO_MONTH else month_key(number)
                month = file.month or named
                if month is not None:
                    size = int(lengths[lines.months == number].sum())
                    sizes[month] = sizes.get(month, 0) + size
    return dict(sorted(sizes.items()))


def _groups(sizes: dict[str, int]) -> Iterator[list[str]]:
    """Cut months into runs of which each fits in memory; a month alone may exceed it."""
    group: list[str] = []
    held = 0
    for month, size in sizes.items():
        if group and held + size > MEMORY_BYTES:
            yield group
            group, held = [], 0
        group.append(month)
        held += size
    if group:
        yield group
