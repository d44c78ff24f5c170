"""What the models of this installation see: the feature columns of gold, by kind."""

from credit_risk_dagster.contract.feature import Readings
from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.lender import (
    count_of,
    evidence_of,
    months_of,
    squares_of,
)

_COLUMNS = CONTRACT.feature_columns
_SCORED = [column for column in _COLUMNS if column.feature.scored and column.panel is None]

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

READINGS = tuple(reading.name for panel in CONTRACT.panels for reading in panel.readings())
"""The readings of all panels, in the order of PANEL_MEANS."""

READING_COUNTS = tuple(map(count_of, READINGS))
READING_SQUARES = tuple(map(squares_of, READINGS))
"""Of each reading, how many there are up to the application month, and the sum of their squares
(null where one was too large to be squared)."""

NUMERIC_FEATURES = tuple(
    column.name for column in _COLUMNS if not column.categorical and column.panel is None
)
"""Columns of doubles (null where missing), used as they are."""

SCORED_NUMBERS = tuple(column.name for column in _SCORED if not column.categorical)
"""The numeric features that models read; of the others drift is watched."""

SCORED_CATEGORIES = tuple(column.name for column in _SCORED if column.categorical)
"""The features of text that models read."""

SCORED_PANELS = tuple(
    feature.expression.panel
    for feature in CONTRACT.features
    if isinstance(feature.expression, Readings) and feature.scored
)
"""The panels whose evidence models read."""

EVIDENCE = tuple(evidence_of(panel) for panel in SCORED_PANELS)
"""The columns with the evidence of each of them."""

DIRECTIONS = {column.name: column.feature.direction for column in _SCORED}
"""The direction that credit sense demands of each feature that models read."""

FEATURE_OF = {
    **{column.name: column.feature.name for column in _COLUMNS},
    **{
        evidence_of(feature.expression.panel): feature.name
        for feature in CONTRACT.features
        if isinstance(feature.expression, Readings)
    },
}
"""The feature of the contract that each column belongs to: what a reason names."""

FLAGS = tuple(column.name for column in _COLUMNS if column.flag)
"""Those of the numeric ones that are 1 or 0."""

MODEL_INPUTS = (*FEATURES, *PANEL_MONTHS, *READING_COUNTS, *READING_SQUARES)
"""Every column of gold that a model reads."""

ORDERED_CATEGORIES = dict(CONTRACT.ordered_categories())
"""The texts of each category that has an order, from the lowest to the highest."""

LABEL = "default"
"""1 where the loan is in default as the contract's outcome says, else 0."""
