"""Serves the code location in production: `dagster`, which ends when one of its threads does.

The thread that notices a run whose process is gone ends for good if the database does not answer
for long enough. The server would go on without it, list the run as at work for ever, and no month
would start again. A container that ends is started again, and its runs are found to be lost.
"""

import os
import sys
import threading

from dagster._cli import main


def end_with_thread(ended: threading.ExceptHookArgs) -> None:
    """Say which thread ended and why, then end the process with everything in it."""
    threading.__excepthook__(ended)
    sys.stderr.write("A thread of the code location ended; it is to be started again.\n")
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    threading.excepthook = end_with_thread
    main()  # type: ignore[no-untyped-call]
