"""The contract of this installation: a process serves one lender.

Its tables, assets and models follow from it, so it is read once, before any of them is made.
"""

import importlib
import os

from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.errors import PlatformError

VARIABLE = "CREDIT_RISK_CONTRACT"
REFERENCE = "credit_risk_dagster.contract.reference"
NAME = "CONTRACT"


def installed(module: str) -> Contract:
    """Return the contract that a module holds under the name CONTRACT.

    Raises:
        PlatformError: if there is no such module, or no contract in it.
    """
    try:
        contract = getattr(importlib.import_module(module), NAME, None)
    except ModuleNotFoundError as error:
        raise PlatformError(
            f"{VARIABLE} names {module}, of which {error.name} cannot be imported. Name a module "
            "that is installed beside the platform."
        ) from error
    if not isinstance(contract, Contract):
        raise PlatformError(
            f"{VARIABLE} names {module}, which holds no {NAME} of the type Contract. "
            f"{REFERENCE} is an example."
        )
    return contract


CONTRACT = installed(os.environ.get(VARIABLE) or REFERENCE)
