"""Patience with a store that is away for a while: said, tried again, and given up in words."""

import logging
import re
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_exponential,
)

from credit_risk_dagster.errors import StoreError

LOGGER = logging.getLogger(__name__)
SECONDS = 180
"""How long a store may be away."""

LONGEST_WAIT = 10
SHOWN = 300
"""Characters that are shown of what a client says."""

_AWAY = re.compile(
    r"AWS Error (NETWORK_CONNECTION|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|SLOW_DOWN"
    r"|REQUEST_TIMEOUT|THROTTLING)|HTTP status:? (408|429|5\d\d)"
    r"|non-2xx status code:? (408|429|5\d\d)|error sending request|error decoding response"
    r"|tcp connect error|operation timed out"
)
"""How Arrow's and Delta Lake's clients say that a store is away or busy."""

Result = TypeVar("Result")


def patiently(store: str, action: Callable[[], Result]) -> Result:
    """Return what an action on a store returns, once the store is there.

    Raises:
        FileNotFoundError: if the action does.
        StoreError: if the store is away for longer than three minutes, or refuses.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_away),
        wait=wait_exponential(max=LONGEST_WAIT),
        stop=stop_after_delay(SECONDS),
        before_sleep=lambda state: _say(store, state),
        reraise=True,
    )
    try:
        return retrying(action)
    except FileNotFoundError:
        raise
    except OSError as error:
        said = "does not answer" if _is_away(error) else "refused"
        raise StoreError(
            f"The store {store} {said}: {in_a_line(error)[:SHOWN]}. Check that it is up, its "
            "address in CREDIT_RISK_TABLES, and the credentials in the environment; then run the "
            "month again."
        ) from error


def _is_away(error: BaseException) -> bool:
    return isinstance(error, OSError) and _AWAY.search(in_a_line(error)) is not None


def _say(store: str, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0
    LOGGER.warning(
        "The store %s does not answer (%s); it is asked again in %.0f s",
        store,
        in_a_line(error)[:SHOWN] if error else "",
        wait,
    )


def in_a_line(error: BaseException) -> str:
    """Return what an error says in a line, without what it says of colours."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|↳", "", str(error)).split())
