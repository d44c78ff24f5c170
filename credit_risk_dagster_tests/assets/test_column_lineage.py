"""Dagit shows where each column comes from and whose data an asset holds."""

import dagster as dg
import pytest

from credit_risk_dagster.assets.column_lineage import column_lineage, contract_tags
from credit_risk_dagster.assets.monthly import asset_key
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.definitions import build_definitions
from credit_risk_dagster.settings import Settings
from credit_risk_dagster.tables.catalogue import ALL_TABLES, BY_PATH
from credit_risk_dagster.tables.gold import FEATURES_TABLE
from credit_risk_dagster.tables.judgement import CORRECTIONS
from credit_risk_dagster.tables.panel import SO_FAR
from credit_risk_dagster.tables.silver import SILVER

SHOWN = [*SILVER.values(), *SO_FAR.values(), FEATURES_TABLE]


def made_of(table: Table) -> dict[str, set[tuple[str, str]]]:
    lineage = column_lineage(table)
    assert lineage is not None
    return {
        column: {("/".join(dep.asset_key.path), dep.column_name) for dep in deps}
        for column, deps in lineage.deps_by_column.items()
    }


@pytest.mark.parametrize("table", SHOWN, ids=lambda table: table.path)
def test_every_column_comes_from_columns_that_are_there(table: Table) -> None:
    made = made_of(table)
    assert set(made) == set(table.schema.names) - {CORRECTIONS}
    for deps in made.values():
        assert deps
        for path, column in deps:
            assert column in BY_PATH[path].schema.names


def test_what_is_computed_of_several_columns_comes_from_all_of_them() -> None:
    features, loans = made_of(FEATURES_TABLE), made_of(SILVER["loans"])
    assert features["debt_to_income"] == {
        ("silver/financials", "outstanding_debt"),
        ("silver/financials", "annual_income"),
    }
    assert features["fe_1_mean"] == {
        ("silver/clickstream_so_far", "fe_1_sum"),
        ("silver/clickstream_so_far", "fe_1_count"),
    }
    assert features["loan_type_auto"] == {("silver/financials", "loan_type_auto")}
    assert loans["days_past_due"] == {
        ("bronze/loans", "due_amt"),
        ("bronze/loans", "overdue_amt"),
        ("bronze/loans", "snapshot_date"),
    }
    assert made_of(SILVER["financials"])["annual_income"] == {
        ("bronze/financials", "Annual_Income"),
        ("bronze/financials", "Monthly_Inhand_Salary"),
    }


def test_no_column_comes_from_personal_data() -> None:
    personal = {
        (f"bronze/{source.name}", header)
        for source in CONTRACT.sources
        for header in source.personal_headers
    }
    assert personal
    for table in SHOWN:
        assert not personal & set().union(*made_of(table).values())


def test_personal_data_is_tagged_where_it_is_and_nowhere_else() -> None:
    tagged = {
        table.path for table in ALL_TABLES if contract_tags(table).get("personal_data") == "yes"
    }
    assert tagged == {"bronze/attributes"}


def test_assets_carry_tags_and_lineage(tmp_path) -> None:
    definitions = build_definitions(Settings(home=tmp_path))
    graph = definitions.resolve_asset_graph()
    silver = graph.get(asset_key(SILVER["clickstream"]))
    assert silver.tags["shape"] == "panel"
    lineage = graph.get(asset_key(FEATURES_TABLE)).metadata["dagster/column_lineage"]
    assert isinstance(lineage, dg.TableColumnLineage | dg.TableColumnLineageMetadataValue)
