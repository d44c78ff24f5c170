"""The queries behind panels: facts by month from SQL, the latest values from Prometheus.

Months are business time, so SQL panels have the snapshot month as their time. Prometheus stamps
the time of the scrape, so it is asked for what is true now and for the last days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import AnnotationQuery, DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

MONITORING = DataSourceRef(type_val="grafana-postgresql-datasource", uid="credit-risk-monitoring")
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="credit-risk-prometheus")

Format = Literal["time_series", "table"]
Column = Literal["value", "lower", "upper", "sample_size"]


@dataclass(frozen=True)
class Sql(Dataquery, Builder[Dataquery]):
    """A query in PostgreSQL's SQL, which the SDK has no class for.

    Attributes:
        text: the statement, with Grafana's macros.
        format_val: `time_series` for a column `time` in ascending order and numbers, with an
            optional text column `metric` that names the series; `table` for anything.
        ref_id: names the query within its panel.
    """

    text: str
    format_val: Format = "time_series"
    ref_id: str = "A"

    def build(self) -> Dataquery:
        """Return the query itself: there is nothing to add."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return the query as Grafana stores it."""
        return {
            "datasource": MONITORING,
            "editorMode": "code",
            "format": self.format_val,
            "rawQuery": True,
            "rawSql": self.text,
            "refId": self.ref_id,
        }


@dataclass(frozen=True)
class Figure:
    """What identifies a fact, and the column of it that is shown: its value or a bound."""

    basis: str
    metric: str
    subject: str = "overall"
    column: Column = "value"

    @property
    def expression(self) -> str:
        """The aggregate that picks this figure among the facts of a month."""
        return (
            f"max({self.column}) FILTER (WHERE basis = '{self.basis}' "
            f"AND metric = '{self.metric}' AND subject = '{self.subject}')"
        )


def with_bounds(name: str, basis: str, metric: str) -> dict[str, Figure]:
    """Return a figure and both ends of its interval, named as `styles.with_interval` expects."""
    return {
        name: Figure(basis, metric),
        f"{name}, lower": Figure(basis, metric, column="lower"),
        f"{name}, upper": Figure(basis, metric, column="upper"),
    }


def by_month(figures: Mapping[str, Figure]) -> Sql:
    """Return one series for each named figure, over the months in view."""
    columns = ",\n".join(f'  {figure.expression} AS "{name}"' for name, figure in figures.items())
    metrics = ", ".join(f"'{metric}'" for metric in sorted({f.metric for f in figures.values()}))
    return Sql(
        f'SELECT snapshot_date::timestamp AS "time",\n{columns}\n'
        f"FROM monitoring_facts\nWHERE $__timeFilter(snapshot_date) AND metric IN ({metrics})\n"
        "GROUP BY snapshot_date ORDER BY snapshot_date"
    )


def by_subject(basis: str, metric: str, condition: str = "", ref_id: str = "A") -> Sql:
    """Return one series for each subject of a metric, over the months in view."""
    more = f"\n  AND {condition}" if condition else ""
    return Sql(
        'SELECT snapshot_date::timestamp AS "time", subject AS metric, value\n'
        "FROM monitoring_facts\n"
        f"WHERE $__timeFilter(snapshot_date) AND basis = '{basis}' AND metric = '{metric}'{more}\n"
        "ORDER BY snapshot_date, subject",
        ref_id=ref_id,
    )


def statement(text: str) -> Sql:
    """Return a statement whose rows are shown as they are."""
    return Sql(text, "table")


def now(expression: str, legend: str = "", ref_id: str = "A") -> prometheus.Dataquery:
    """Return what an expression gives now."""
    return _prometheus(expression, ref_id).instant().legend_format(legend or "__auto")


def rows(expression: str, ref_id: str = "A") -> prometheus.Dataquery:
    """Return what an expression gives now, a row for each series with its labels as columns."""
    return _prometheus(expression, ref_id).instant().format(PromQueryFormat.TABLE)


def lately(expression: str, legend: str, ref_id: str = "A") -> prometheus.Dataquery:
    """Return what an expression gave over the time that the panel shows."""
    return _prometheus(expression, ref_id).range().legend_format(legend)


def _prometheus(expression: str, ref_id: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expression).ref_id(ref_id)
    return query.datasource(PROMETHEUS)


class SqlAnnotations(AnnotationQuery, Builder[AnnotationQuery]):
    """Vertical lines in every panel of a dashboard, at the times and with the texts of a query."""

    def __init__(self, name: str, color: str, text: str) -> None:
        super().__init__(name=name, datasource=MONITORING, enable=True, icon_color=color)
        self._query = Sql(text, "table", ref_id="Annotations")

    def build(self) -> AnnotationQuery:
        """Return the annotations themselves: there is nothing to add."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return the annotations as Grafana stores them: with a query as panels have it."""
        return super().to_json() | {"target": self._query}
