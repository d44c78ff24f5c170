"""Where the command begins: the home is known before anything asks for its contract."""

import os
import sys
from collections.abc import Sequence

from credit_risk_dagster.errors import PlatformError

HOME = "--home"


def main() -> None:
    """Run the command `credit-risk`."""
    home = named_home(sys.argv[1:])
    if home is not None:
        os.environ["CREDIT_RISK_HOME"] = home
    try:
        from credit_risk_dagster.command_line.cli import main as run
    except (PlatformError, ValueError) as error:
        sys.exit(f"Error {error}")
    run()


def named_home(arguments: Sequence[str]) -> str | None:
    """Return the home that a command line names, whatever else it says."""
    for number, argument in enumerate(arguments):
        name, separator, value = argument.partition("=")
        if name == HOME:
            return value if separator else next(iter(arguments[number + 1 :]), None)
    return None
