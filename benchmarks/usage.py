"""What a process takes: seconds, CPU seconds, peak memory, bytes read and written."""

import os
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
MEGABYTE = 1_000_000

Figures = dict[str, float]


@dataclass(frozen=True)
class Usage:
    """What this process and its children have taken since they began.

    Attributes:
        seconds: of the clock, from any beginning.
        cpu: CPU seconds, user and system.
        read: bytes handed over by read calls (rchar), whether from a disk or its cache.
        written: bytes handed over to write calls (wchar).
    """

    seconds: float
    cpu: float
    read: float
    written: float

    def __sub__(self, other: "Usage") -> "Usage":
        """Return what was taken between two moments."""
        mine, others = asdict(self), asdict(other)
        return Usage(**{name: mine[name] - others[name] for name in mine})


NOTHING = Usage(0, 0, 0, 0)


def usage_now() -> Usage:
    """Return what this process, its ended children and those still alive have taken."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = time.process_time() + ended.ru_utime + ended.ru_stime
    alive = list(_descendants(os.getpid()))
    counts = [_input_and_output(pid) for pid in ["self", *alive]]
    return Usage(
        seconds=time.monotonic(),
        cpu=cpu + sum(_cpu_seconds(pid) for pid in alive),
        read=sum(count["rchar"] for count in counts),
        written=sum(count["wchar"] for count in counts),
    )


def peak_megabytes() -> float:
    """Return the most memory that this process held, and with it each child still alive."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return (own + sum(map(_peak_bytes, _descendants(os.getpid())))) / MEGABYTE


def _descendants(pid: int) -> Iterator[str]:
    for children in PROC.glob(f"{pid}/task/*/children"):
        for child in children.read_text(encoding="ascii").split():
            yield child
            yield from _descendants(int(child))


def _cpu_seconds(pid: str) -> float:
    fields = (PROC / pid / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _input_and_output(pid: str) -> Mapping[str, int]:
    lines = (PROC / pid / "io").read_text(encoding="ascii").splitlines()
    return {name: int(count) for name, count in (line.split(": ") for line in lines)}


def _peak_bytes(pid: str) -> int:
    lines = (PROC / pid / "status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def machine() -> str:
    """Return what these figures are of: processors, memory and the load that others make."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} cores, {memory:.0f} GB, load {os.getloadavg()[0]:.1f}"
