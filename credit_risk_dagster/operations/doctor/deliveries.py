"""The raw folder: can it be read, and which months has each source delivered."""

from collections.abc import Iterator

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.delivery.delivered import delivered_months
from credit_risk_dagster.delivery.files import passed_over
from credit_risk_dagster.errors import DeliveryError, PlatformError
from credit_risk_dagster.operations.doctor.finding import Finding, failed, ok, warning
from credit_risk_dagster.settings import Settings


def delivery_findings(settings: Settings) -> Iterator[Finding]:
    """Read what every source has delivered."""
    folder = settings.raw_folder
    if not folder.is_dir():
        yield failed(
            "raw folder",
            f"{folder} does not exist.",
            "Set CREDIT_RISK_RAW to the folder in which extracts arrive, or mount it.",
        )
        return
    for source in CONTRACT.sources:
        check = f"delivery of {source.name}"
        try:
            months = delivered_months(
                folder, source, settings.scratch_folder, settings.accept_unterminated_line
            )
        except DeliveryError as error:
            yield failed(check, str(error), "Correct the file, or ask for it again.")
            continue
        except PlatformError as error:
            yield failed(check, str(error), "Give it space; then look again.")
            continue
        for one in passed_over(folder, source):
            yield warning(
                check,
                f"{one.relative} is {one.reason}, and was passed over.",
                "Copy what it leads to into the raw folder, or mount it there.",
            )
        if not months:
            yield warning(
                check,
                f"Nothing of {source.files[0]} is in {folder}.",
                "Ask for the extract; months do not start without it.",
            )
            continue
        span = sorted(months)
        yield ok(check, f"{len(span)} months, {span[0][:7]} to {span[-1][:7]}.")
