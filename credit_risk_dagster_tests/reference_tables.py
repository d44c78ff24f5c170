"""Tables and columns of the reference lender, whose contract every test but a few runs on."""

from credit_risk_dagster.contract.lender import months_of
from credit_risk_dagster.contract.reference import CLICKSTREAM
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.panel import SO_FAR
from credit_risk_dagster.tables.silver import SILVER

BRONZE_LOANS, SILVER_LOANS = BRONZE["loans"], SILVER["loans"]
BRONZE_ATTRIBUTES, SILVER_ATTRIBUTES = BRONZE["attributes"], SILVER["attributes"]
BRONZE_FINANCIALS, SILVER_FINANCIALS = BRONZE["financials"], SILVER["financials"]
BRONZE_CLICKSTREAM, SILVER_CLICKSTREAM = BRONZE["clickstream"], SILVER["clickstream"]
CLICKSTREAM_SO_FAR = SO_FAR["clickstream"]

CLICKSTREAM_FEATURES = tuple(reading.name for reading in CLICKSTREAM.readings())
CLICKSTREAM_MONTHS = months_of(CLICKSTREAM.name)
