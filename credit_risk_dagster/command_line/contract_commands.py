"""The commands about a lender's contract: check it, draft one, write its data dictionary."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from credit_risk_dagster.command_line.contract_check import (
    ENGINES,
    EngineName,
    all_findings,
    figures_of,
)
from credit_risk_dagster.contract.dictionary import data_dictionary
from credit_risk_dagster.contract.draft.contract import draft_of
from credit_risk_dagster.contract.installed import address_of, contract_at, sound_contract_at
from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.settings import load_settings

contract_commands = typer.Typer(
    help="Check a lender's contract, draft one from samples, write its data dictionary.",
    no_args_is_help=True,
)
out, err = Console(), Console(stderr=True)

Home = Annotated[Path | None, typer.Option(help="The home of the installation; default: datamart.")]
Address = Annotated[
    str | None,
    typer.Argument(help="A file that ends in .toml, or a module; default: that of the home."),
]


@contract_commands.command()
def check(
    contract: Address = None,
    engine: Annotated[
        EngineName | None, typer.Option(help="Try it on one engine only; Spark takes minutes.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    home: Home = None,
) -> None:
    """Read a contract and say everything that is wrong with it.

    Every expression is run on no rows, nulls, empty texts and zeros, on both engines.
    """
    address = contract or address_of(home)
    declared = contract_at(address)
    engines = ENGINES if engine is None else (engine,)
    with err.status(f"Running the expressions of {address} on {' and '.join(engines)}"):
        found = all_findings(declared, engines)
    figures = None if found else figures_of(declared, load_settings(home).policy)
    if as_json:
        answer = {
            "contract": address,
            "lender": declared.lender,
            "engines": engines,
            "findings": [asdict(one) for one in found],
            "figures": None if figures is None else asdict(figures),
        }
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    elif found:
        for one in found:
            out.print(f"[bold red]wrong[/] {escape(str(one))}", highlight=False, soft_wrap=True)
    else:
        out.print(
            f"The contract of {declared.lender} can be followed: {figures}.",
            highlight=False,
            soft_wrap=True,
        )
    raise typer.Exit(1 if found else 0)


@contract_commands.command()
def draft(
    folder: Annotated[Path, typer.Argument(help="The folder of the sample files.")],
    to: Annotated[
        Path | None, typer.Option("--out", help="The file to write; default: print.")
    ] = None,
) -> None:
    """Write a first contract from sample files, each guess marked, for a person to finish."""
    if to is not None and to.exists():
        raise PlatformError(f"{to} is there already, and is not written over: name another file.")
    _give(draft_of(folder), to)


@contract_commands.command()
def dictionary(
    contract: Address = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="The file to write; default: print.")
    ] = None,
    home: Home = None,
) -> None:
    """Write the data dictionary of a contract as Markdown."""
    declared = sound_contract_at(contract or address_of(home))
    text = data_dictionary(declared, load_settings(home).policy.window_months)
    _give(text, to)


def _give(text: str, to: Path | None) -> None:
    if to is None:
        sys.stdout.write(text)
        return
    to.write_text(text, encoding="utf-8")
    out.print(f"Written to {to}.", highlight=False, soft_wrap=True)
