"""Whether the functions that a contract names are there, and make numbers of their columns."""

from collections.abc import Iterator

import ibis
import pyarrow as pa

from credit_risk_dagster.contract.feature import Feature, Function
from credit_risk_dagster.contract.finding import Finding
from credit_risk_dagster.contract.lender import Contract
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables.expressions import function_named
from credit_risk_dagster.tables.silver import silver_table


def function_findings(contract: Contract) -> list[Finding]:
    """Return what is wrong with the functions of a contract in which nothing else is wrong."""
    silver = {source.name: silver_table(source) for source in contract.sources}
    return [
        found
        for feature in contract.features
        if isinstance(feature.expression, Function)
        for found in _function(feature, feature.expression, contract, silver)
    ]


def _function(
    feature: Feature, function: Function, contract: Contract, silver: dict[str, Table]
) -> Iterator[Finding]:
    place = f"feature {feature.name}"
    types = {
        name: silver[contract.owner(name)[0].name].schema.field(name).type
        for name in function.columns
    }
    rows = ibis.table(pa.schema(list(types.items())), name="applicants")
    try:
        made = function_named(function.name)(*(rows[name] for name in function.columns))
        kind = made.type()
    except Exception as error:  # noqa: BLE001 -- whatever the lender's function raises is told
        yield Finding(place, f"{function.name} fails: {type(error).__name__}: {error}")
        return
    if not kind.is_numeric():
        yield Finding(
            place,
            f"{function.name} returns {kind}: the models read numbers, so cast it to float64.",
        )
