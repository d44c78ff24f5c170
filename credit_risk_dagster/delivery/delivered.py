"""Which months of a source have been delivered, and with what content."""

from pathlib import Path
from typing import Any

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.files import find_files
from credit_risk_dagster.delivery.header import read_header
from credit_risk_dagster.delivery.month import delivered_hash, read_months

_FORMAT = 1


def delivered_months(
    folder: Path,
    source: Source,
    scratch: Path,
    accept_unterminated_line: bool = False,
    cache: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Return the content hash of every month that a source has lines of, in month order.

    Args:
        folder: the raw folder.
        source: the source to look for.
        scratch: the folder in which rows wait, as in `read_months`.
        accept_unterminated_line: as in `read_months`.
        cache: answers of earlier calls, by source; JSON-able. While the files of a source have the
            same paths, sizes and times of change, none of them is read. A new answer is put in.

    Raises:
        DeliveryError: if a file cannot be read.
        PlatformError: if the scratch folder cannot be written.
    """
    files = find_files(folder, source)
    seen = [[file.relative, file.size, file.modified.isoformat()] for file in files]
    state = {"format": _FORMAT, "unterminated": accept_unterminated_line, "files": seen}
    known = (cache or {}).get(source.name)
    if known is not None and known["state"] == state:
        return dict(known["months"])
    for file in files:
        read_header(file, source)  # before any work is done on the others
    months = {
        delivery.month: delivered_hash(source, delivery.rows())
        for delivery in read_months(folder, source, None, scratch, accept_unterminated_line)
    }
    if cache is not None:
        cache[source.name] = {"state": state, "months": months}
    return dict(months)
