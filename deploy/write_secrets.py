"""Write a random value for every secret that docker-compose.yaml requires to .env, once.

A value that is already there stays: the databases were made with it. Needs nothing but Python.
"""

import argparse
import os
import re
import secrets
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
REQUIRED = re.compile(r"\$\{([A-Z][A-Z0-9_]*):?\?")
LINE = re.compile(r"(?:export\s+)?([A-Z][A-Z0-9_]*)=")
RANDOM_BYTES = 32


def required_secrets(compose: str) -> list[str]:
    """Return the names that a compose file requires, in order."""
    return list(dict.fromkeys(REQUIRED.findall(compose)))


def write_secrets(compose: Path, target: Path) -> list[str]:
    """Add the secrets that are missing to a file that only its owner can read; return them."""
    known = target.read_text(encoding="utf-8") if target.exists() else ""
    if known and not known.endswith("\n"):
        known += "\n"
    present = {match.group(1) for line in known.splitlines() if (match := LINE.match(line))}
    names = required_secrets(compose.read_text(encoding="utf-8"))
    missing = [name for name in names if name not in present]
    added = "".join(f"{name}={secrets.token_urlsafe(RANDOM_BYTES)}\n" for name in missing)
    beside = target.with_name(f"{target.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(known + added)
    beside.replace(target)
    return missing


def main() -> None:
    """Write the file and say what was added, never its value."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compose", type=Path, default=TOP / "docker-compose.yaml")
    parser.add_argument("--target", type=Path, default=TOP / ".env")
    arguments = parser.parse_args()
    added = write_secrets(arguments.compose, arguments.target)
    said = f"added {', '.join(added)}" if added else "nothing was missing"
    sys.stdout.write(f"{arguments.target}: {said}\n")


if __name__ == "__main__":
    main()
