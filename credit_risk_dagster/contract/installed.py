"""The contract of this installation: a process serves one lender.

Its tables, assets and models follow from it, so it is read once, before any of them is made.
"""

import importlib
from functools import cache
from pathlib import Path

from credit_risk_dagster.contract.check import findings
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.contract.toml import read_toml
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import load_settings

REFERENCE = "credit_risk_dagster.contract.reference"
NAME = "CONTRACT"
FILE = "contract.toml"


def address_of(home: Path | None = None) -> str:
    """Return where the contract of a home is declared: the name of a module, or a file's path.

    The module that the setting names; else contract.toml in the home; else the reference lender's.
    """
    settings = load_settings(home)
    if settings.contract is not None:
        return settings.contract
    file = (settings.home / FILE).resolve()
    return str(file) if file.exists() else REFERENCE


def contract_at(address: str) -> Contract:
    """Return the contract that a module holds under the name CONTRACT, or a TOML file declares.

    Raises:
        PlatformError: if there is no such module, no contract in it, or a fault in the file.
    """
    if address.endswith(".toml"):
        return read_toml(Path(address))
    try:
        contract = getattr(importlib.import_module(address), NAME, None)
    except ModuleNotFoundError as error:
        raise PlatformError(
            f"The contract is to be in {address}, of which {error.name} cannot be imported. Name a "
            "module that is installed beside the platform, or a file that ends in .toml."
        ) from error
    except Exception as error:
        raise PlatformError(
            f"The contract {address} cannot be imported: {type(error).__name__}: {error}."
        ) from error
    if not isinstance(contract, Contract):
        raise PlatformError(
            f"The contract is to be in {address}, which holds no {NAME} of the type Contract. "
            f"{REFERENCE} is an example."
        )
    return contract


def sound_contract_at(address: str) -> Contract:
    """Return the contract at an address, in which nothing is wrong.

    Raises:
        PlatformError: with everything that is.
    """
    contract = contract_at(address)
    found = findings(contract)
    if found:
        wrong = "\n".join(f"- {one}" for one in found)
        raise PlatformError(f"The contract {address} cannot be followed:\n{wrong}")
    return contract


@cache
def _installed() -> tuple[str, Contract]:
    address = address_of()
    return address, sound_contract_at(address)


def require_installed(home: Path) -> None:
    """Check that this process serves the lender of a home.

    Raises:
        PlatformError: if the home's contract is declared elsewhere.
    """
    own, serving = address_of(home), _installed()[0]
    if own != serving:
        raise PlatformError(
            f"{home} keeps to the contract {own}, but this process has read {serving}. Set "
            "CREDIT_RISK_HOME to the home before the process starts."
        )


CONTRACT = _installed()[1]
