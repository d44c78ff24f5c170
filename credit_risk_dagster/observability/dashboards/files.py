"""The dashboards as the files that Grafana reads."""

from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from credit_risk_dagster.observability.dashboards.drift import drift
from credit_risk_dagster.observability.dashboards.layout import numbered
from credit_risk_dagster.observability.dashboards.model_performance import model_performance
from credit_risk_dagster.observability.dashboards.pipeline import pipeline
from credit_risk_dagster.observability.dashboards.portfolio import portfolio

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "grafana" / "dashboards"

DASHBOARDS: dict[str, Callable[[], Dashboard]] = {
    "model_performance": model_performance,
    "drift": drift,
    "portfolio": portfolio,
    "pipeline": pipeline,
}


def rendered() -> dict[str, str]:
    """Return the text of every file, by its name."""
    encoder = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False)
    return {
        f"{name}.json": encoder.encode(numbered(build().build())) + "\n"
        for name, build in DASHBOARDS.items()
    }


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every file; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in rendered().items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths
