"""The tables of the reference lender's sources, whose contract every test but a few runs on."""

from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.silver import SILVER

BRONZE_LOANS, SILVER_LOANS = BRONZE["loans"], SILVER["loans"]
BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES = BRONZE["attributes"], SILVER["attributes"]
BRONZE_FINANCIALS, SILVER_FINANCIALS = BRONZE["financials"], SILVER["financials"]
BRONZE_CLICKSTREAM, SILVER_CLICKSTREAM = BRONZE["clickstream"], SILVER["clickstream"]
