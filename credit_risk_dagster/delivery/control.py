"""The control file beside a delivered file: what its sender says of it, so that it can be checked.

`loans.csv.control` is JSON (`{"rows": 3, "sums": {"loan_amt": "900.50"}, "sha256": "…"}`) or lines
of `key=value` (`rows=3`, `sum.loan_amt=900.50`, `sha256=…`). Each of them may be left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.delivery.files import DeliveredFile
from credit_risk_dagster.errors import DeliveryError

SUFFIX = ".control"
_SUM = "sum."
_LARGEST = 1 << 16


@dataclass(frozen=True)
class Control:
    """What the sender says of a file.

    Attributes:
        text: as it was written.
        rows: how many lines of data it has, those that cannot be read included.
        sums: the sum of the values of a column, by its header.
        sha256: of its bytes.
    """

    text: str
    rows: int | None = None
    sums: Mapping[str, Decimal] = field(default_factory=dict)
    sha256: str | None = None


def control_state(file: DeliveredFile) -> str:
    """Return how the control file of a file looks: size and time of change; empty without one."""
    try:
        status = _path(file).stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def read_control(file: DeliveredFile, source: Source) -> Control | None:
    """Return what the control file says, or None if there is none.

    Raises:
        DeliveryError: if it cannot be understood.
    """
    path = _path(file)
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST).decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryError(
            f"{source.name}: {file.relative}{SUFFIX} cannot be read: {error}. Deliver it as text "
            "in UTF-8, or the file without it."
        ) from error
    try:
        return _control(text, dict(_said(text)), source)
    except (ValueError, InvalidOperation) as error:
        raise DeliveryError(
            f"{source.name}: {file.relative}{SUFFIX} is not understood: {error}. It may say rows, "
            "sha256 and sum.COLUMN, as JSON or in lines of key=value."
        ) from error


def contradiction(control: Control, rows: int, sums: Mapping[str, Decimal]) -> str | None:
    """Return what the file holds otherwise than its control file says, or None.

    Args:
        control: what it says.
        rows: how many lines of data there are.
        sums: the sums of the columns that it names.
    """
    if control.rows is not None and control.rows != rows:
        return f"it has {rows} rows where its control file says {control.rows}"
    for column, said in control.sums.items():
        if sums[column] != said:
            found = sums[column].normalize()
            return f"{column} adds up to {found:f} where its control file says {said:f}"
    return None


def _path(file: DeliveredFile) -> Path:
    return file.path.with_name(file.path.name + SUFFIX)


def _said(text: str) -> Iterator[tuple[str, Any]]:
    if text.lstrip().startswith("{"):
        said = json.loads(text, parse_float=Decimal)
        sums = said.pop("sums", {})
        yield from said.items()
        yield from ((_SUM + column, value) for column, value in sums.items())
        return
    for line in text.splitlines():
        if line.strip():
            key, separator, value = line.partition("=")
            if not separator:
                raise ValueError("a line has no `=`")
            yield key.strip(), value.strip()


def _control(text: str, said: Mapping[str, Any], source: Source) -> Control:
    sums = {key.removeprefix(_SUM): value for key, value in said.items() if key.startswith(_SUM)}
    unknown = [key for key in said if key not in ("rows", "sha256") and not key.startswith(_SUM)]
    unknown += [_SUM + column for column in sums if column not in source.headers]
    if unknown:
        raise ValueError(f"it names {', '.join(sorted(unknown))}")
    sha256 = said.get("sha256")
    return Control(
        text=text,
        rows=None if said.get("rows") is None else int(said["rows"]),
        sums={column: Decimal(str(value)) for column, value in sums.items()},
        sha256=None if sha256 is None else str(sha256).lower(),
    )
