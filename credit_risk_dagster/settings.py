"""Every setting of the platform, in one typed object: the only place that reads the environment."""

import hashlib
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    Secret,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from credit_risk_dagster.errors import PlatformError
from credit_risk_dagster.months import month_of, parse_month

Month = Annotated[str, BeforeValidator(parse_month)]
Share = Annotated[float, Field(ge=0, le=1)]


def _ascending(bounds: tuple[float, ...]) -> tuple[float, ...]:
    if list(bounds) != sorted(set(bounds)) or not all(0 < bound < 1 for bound in bounds):
        raise ValueError(f"{bounds} do not ascend between 0 and 1")
    return bounds


RiskBands = Annotated[
    tuple[float, ...], Field(min_length=1, max_length=25), AfterValidator(_ascending)
]

EngineMemory = Annotated[str, Field(pattern=r"^[1-9][0-9]* ?(MB|GB)$")]


def _store_address(address: str) -> str:
    scheme, separator, path = address.partition("://")
    if not (scheme and separator and path.strip("/")) or scheme == "file":
        raise ValueError(f"{address} is no address of an object store, like s3://bucket/prefix")
    return address.rstrip("/")


def _folder_or_store(place: str) -> str:
    return _store_address(place) if "://" in place else str(Path(place))


StoreAddress = Annotated[str, AfterValidator(_store_address)]
BronzePlace = Annotated[str, AfterValidator(_folder_or_store)]

SETTINGS_FILE = "settings.env"
PREFIX = "CREDIT_RISK_"
UNKNOWN = "extra_forbidden"
"""What pydantic calls a name that no setting has."""
WEBHOOK = ("alerts", "webhook")
LISTS = (
    'CREDIT_RISK_ALERTS__MAIL_TO=["risk@lender.example"], '
    'CREDIT_RISK_ALERTS__MUTED=["late_data", "model_age"], CREDIT_RISK_RISK_BANDS=[0.1, 0.3]'
)
"""Every setting that is a list, as it is written."""


class TrainingPolicy(BaseModel):
    """When a model is to be trained, and on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_months: int = Field(10, ge=4, description="Cohorts that models are tuned and fitted on.")
    test_months: int = Field(2, ge=1, description="Cohorts scored once after tuning.")
    out_of_time_months: int = Field(2, ge=1, description="Cohorts that judge the candidates.")
    retrain_after_months: int = Field(3, ge=1, description="Months from one training to the next.")
    retrain_early: bool = Field(
        False, description="Retrain also after a breach of the month before."
    )
    minimum_auc: float = Field(
        0.70, ge=0.5, le=1, description="OOT AUC that a challenger must reach."
    )
    minimum_gain: float = Field(
        0.002, ge=0, le=0.5, description="AUC that a challenger must gain, to be worth a change."
    )
    promotion_significance: float = Field(
        0.05, gt=0, lt=1, description="One-sided p-value below which a better AUC is not noise."
    )

    @property
    def window_months(self) -> int:
        """The number of consecutive cohorts that a training needs."""
        return self.train_months + self.test_months + self.out_of_time_months


class TuningSettings(BaseModel):
    """How the candidates are tuned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidates: tuple[str, ...] = Field(
        ("logistic_regression", "scorecard", "xgboost"),
        min_length=1,
        description="What is trained: names of the platform's own, or modules like lender.forest.",
    )
    trials: int = Field(15, ge=1, description="Optuna trials for each candidate.")
    seed: int = Field(20240901, ge=0, description="Seed of the sampler and of the fits.")
    threads: int = Field(2, ge=1, description="Folds fitted at the same time; one thread a fit.")
    maximum_rows: int = Field(
        150_000,
        ge=1,
        description="Rows that a model is fitted on; of more, each cohort gives the same share.",
    )


class MonitoringSettings(BaseModel):
    """When monitoring speaks up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision_threshold: float = Field(
        0.5, gt=0, lt=1, description="Probability that counts as bad."
    )
    psi_moderate: float = Field(0.10, gt=0, description="PSI from which a shift is moderate.")
    psi_significant: float = Field(
        0.25, gt=0, description="PSI above which a shift is significant."
    )
    dark_source_share: Share = Field(
        0.5, description="Share of applicants without a source from which it has gone dark."
    )
    label_rate_low: Share = Field(0.02, description="Lowest plausible default rate of a cohort.")
    label_rate_high: Share = Field(0.60, description="Highest plausible default rate of a cohort.")
    quarantine_warning_share: Share = Field(0.01, description="Quarantined share that is reported.")
    quarantine_limit_share: Share = Field(0.05, description="Quarantined share that stops a month.")
    report_features: int = Field(
        8, ge=0, description="Features in Evidently's report; 0: no report."
    )


class DeliverySettings(BaseModel):
    """When a delivered file counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settle_seconds: int = Field(
        60, ge=0, description="How long a file must not have changed before it is taken."
    )
    minimum_share: Share = Field(
        0.5,
        description="Share of the median of the months before, below which the newest month of a "
        "source waits for a person.",
    )
    megabytes_a_look: int = Field(
        100, ge=1, description="What the sensor reads itself; more is read by a run."
    )


class AlertSettings(BaseModel):
    """Who is told, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhook: Secret[HttpUrl] | None = Field(
        None,
        description="Where alerts are posted as JSON that Slack understands; its path is as good "
        "as a password and never shown.",
    )
    smtp_host: str | None = Field(None, description="The mail server; none: no e-mail.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_starttls: bool = Field(True, description="Whether the connection must be encrypted.")
    smtp_user: str | None = Field(None, description="The user to log in as, if one is needed.")
    smtp_password: SecretStr | None = Field(None, description="The password of that user.")
    mail_from: str | None = Field(None, description="The address that alerts come from.")
    mail_to: tuple[str, ...] = Field(
        (), description='The addresses that alerts go to: ["risk@lender.example"].'
    )
    muted: tuple[str, ...] = Field(
        (), description='Conditions that nobody is told of: ["late_data", "model_age"].'
    )
    drift_months: int = Field(
        2, ge=1, description="Months in a row beyond the PSI band that raise an alert."
    )
    model_age_months: int = Field(
        12, ge=1, description="Months since training after which a model is too old."
    )

    @model_validator(mode="after")
    def _mail_is_complete(self) -> Self:
        if self.smtp_host is not None and not (self.mail_from and self.mail_to):
            raise ValueError("smtp_host is set: set mail_from and mail_to as well")
        return self


class Settings(BaseSettings):
    """One installation of the platform: where it lives, which months it has, how it decides."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
    )

    home: Path = Field(
        Path("datamart"), description="The folder that holds all of an installation."
    )
    raw: Path | None = Field(None, description="Where extracts arrive; default: raw/ in the home.")
    contract: str | None = Field(
        None,
        description="The module that holds the lender's contract; default: contract.toml in the "
        "home, else that of the reference lender.",
    )
    first_month: Month = Field("2023-01-01", description="The first snapshot month.")
    last_month: Month | None = Field(None, description="The last one; default: the current month.")
    engine: Literal["duckdb", "pyspark"] = Field("duckdb", description="What runs the tables.")
    engine_memory: EngineMemory = Field(
        "512MB", description="What DuckDB may hold in memory; beyond it, it spills to scratch."
    )
    scratch: Path | None = Field(
        None, description="Where engines spill and files wait; default: scratch/ in the home."
    )
    spark_master: str = Field(
        "local[2]", description="The Spark master, or sc:// for Spark Connect."
    )
    mlflow_tracking_uri: str | None = Field(None, description="Default: SQLite in the home.")
    mlflow_artifacts: str | None = Field(None, description="Default: a folder in the home.")
    reports_url: str | None = Field(
        None, description="Where the reports folder is served, if it is."
    )
    metrics_url: str | None = Field(
        None,
        description="The database of monitoring facts, alerts, the index of the tables and the "
        "ledger of deliveries; default: SQLite in the home.",
    )
    retention_days: int = Field(
        2557, ge=1, description="How long superseded versions of tables are kept: seven years."
    )
    automation: bool = Field(False, description="Whether schedule and sensors start switched on.")
    deadline_day: int = Field(5, ge=1, le=28, description="Day by which a month must have arrived.")
    panel_state_months: int = Field(
        12, ge=1, description="Months after its last reading for which a customer's state is kept."
    )
    tables: StoreAddress | None = Field(
        None,
        description="An object store, s3://bucket/prefix, for tables, models, reports and MLflow's "
        "artifacts; default: the home.",
    )
    bronze: BronzePlace | None = Field(
        None,
        description="A folder, or an object store's address, for the tables of bronze alone, which "
        "hold personal data; default: with the other tables.",
    )
    accept_unterminated_line: bool = Field(
        False, description="Accept a last line without a line end, instead of taking it as cut off."
    )
    risk_bands: RiskBands = Field(
        (0.10, 0.20, 0.35, 0.50), description="Upper bounds of bands A, B, C …; the last is open."
    )

    policy: TrainingPolicy = Field(default_factory=TrainingPolicy)
    tuning: TuningSettings = Field(default_factory=TuningSettings)
    monitoring: MonitoringSettings = Field(default_factory=MonitoringSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    deliveries: DeliverySettings = Field(default_factory=DeliverySettings)

    @model_validator(mode="after")
    def _months_in_order(self) -> Self:
        if self.last_month is not None and self.last_month < self.first_month:
            raise ValueError(
                f"last_month {self.last_month} is before first_month {self.first_month}"
            )
        return self

    @property
    def raw_folder(self) -> Path:
        """Where extracts arrive."""
        return self.raw if self.raw is not None else self.home / "raw"

    @property
    def scratch_folder(self) -> Path:
        """Where engines spill and files wait: of this home alone, on whatever disk."""
        if self.scratch is None:
            return self.home / "scratch"
        of_home = hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:12]
        return self.scratch / f"credit-risk-{of_home}"

    @property
    def tracking_uri(self) -> str:
        """Where MLflow keeps runs and the model registry."""
        return (
            self.mlflow_tracking_uri
            or f"sqlite:///{(self.home / 'mlflow' / 'mlflow.db').resolve()}"
        )

    @property
    def artifact_location(self) -> str:
        """Where MLflow keeps artifacts."""
        if self.mlflow_artifacts or self.tables:
            return self.mlflow_artifacts or f"{self.tables}/mlflow"
        return (self.home / "mlflow" / "artifacts").resolve().as_uri()

    @property
    def metrics_store_url(self) -> str:
        """Where monitoring facts, conditions and alerts are kept for dashboards."""
        return (
            self.metrics_url or f"sqlite:///{(self.home / 'monitoring' / 'metrics.db').resolve()}"
        )

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps runs and events."""
        return self.home / "dagster"

    @property
    def reports_folder(self) -> Path:
        """Where reports are written that a person opens in a browser."""
        return self.home / "reports"

    def latest_month(self, today: date) -> str:
        """Return the newest month that has a snapshot on a given day."""
        return self.last_month or month_of(today)


def load_settings(home: Path | None = None) -> Settings:
    """Read the settings: the environment first, then `settings.env` in the home, then defaults.

    Args:
        home: the home of the installation; by default CREDIT_RISK_HOME, else `datamart`.

    Raises:
        PlatformError: if there is no setting of a name in the file, or of a group in either; if a
            list is not written as one; if the address of the webhook is none.
        pydantic.ValidationError: if a value is not one that its setting can have.
    """
    home = home or Path(os.environ.get("CREDIT_RISK_HOME") or "datamart")
    try:
        return Settings(_env_file=home / SETTINGS_FILE, home=home)
    except SettingsError as error:
        group = str(error).split('"')[1]
        raise PlatformError(
            f"A list in the settings, of {_variable((group,))}, cannot be read. "
            f"Lists are written as JSON: {LISTS}. Correct it in {home / SETTINGS_FILE} or in the "
            "environment."
        ) from None
    except ValidationError as error:
        faults = error.errors()
        if any(fault["loc"][:2] == WEBHOOK for fault in faults):
            raise PlatformError(
                f"{_variable(WEBHOOK)} is not the address of a webhook: write all of it, from "
                "https:// on. What is set is not shown, because it may hold a token."
            ) from None
        unknown = [_variable(fault["loc"]) for fault in faults if fault["type"] == UNKNOWN]
        if not unknown:
            raise
        raise PlatformError(
            f"There is no setting {', '.join(unknown)}. Correct the name in {home / SETTINGS_FILE} "
            "or in the environment; README.md and credit_risk_dagster/settings.py have them all."
        ) from error


def save_settings(settings: Settings, **saved: str) -> None:
    """Write settings beside the data that they belong to, for every later command to read.

    What else is in the file stays as it is.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / SETTINGS_FILE
    values = {_variable((name,)): _quoted(value) for name, value in sorted(saved.items())}
    written = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    kept = [line for line in written if line and _assigned(line) not in values]
    lines = [*kept, *(f"{name}={value}" for name, value in values.items())]
    path.touch(0o600)
    path.chmod(0o600)  # it may hold passwords, and may have been made by hand
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _assigned(line: str) -> str:
    """Return the name of the variable that a line sets."""
    return line.partition("=")[0].strip().removeprefix("export ").strip().upper()


def _variable(place: Sequence[int | str]) -> str:
    """Return the environment variable of a setting, which pydantic names in lower case."""
    name = "__".join(str(part) for part in place).upper()
    return name if name.startswith(PREFIX) else PREFIX + name


def _quoted(value: str) -> str:
    """Quote a value, so that neither `#` nor white space ends or changes it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
