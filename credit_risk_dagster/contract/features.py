"""What the models of this installation see: the feature columns of gold, by kind."""

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.lender import months_of

_COLUMNS = CONTRACT.feature_columns

FEATURES = tuple(column.name for column in _COLUMNS)
"""Everything that a model reads as a feature, in the order in which it is reported."""

CATEGORICAL_FEATURES = tuple(column.name for column in _COLUMNS if column.categorical)
"""Columns of text, null where missing."""

MONTHS_BEHIND = {
    column.name: months_of(column.panel) for column in _COLUMNS if column.panel is not None
}
"""Of each mean of a panel's readings, the column with the number of months behind it."""

PANEL_MEANS = tuple(MONTHS_BEHIND)
"""The means of readings up to the application month, null where there is none."""

PANEL_MONTHS = tuple(months_of(panel.name) for panel in CONTRACT.panels)
"""The numbers of months behind the means; 0 where there is none. Not themselves features: they grow
with calendar time whatever the applicant does."""

NUMERIC_FEATURES = tuple(
    column.name for column in _COLUMNS if not column.categorical and column.panel is None
)
"""Columns of doubles (null where missing), used as they are."""

FLAGS = tuple(column.name for column in _COLUMNS if column.flag)
"""Those of the numeric ones that are 1 or 0."""

MODEL_INPUTS = (*FEATURES, *PANEL_MONTHS)
"""Every column of gold that a model reads."""

LABEL = "default"
"""1 where the loan is in default as the contract's outcome says, else 0."""
