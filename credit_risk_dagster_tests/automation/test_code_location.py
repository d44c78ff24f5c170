import subprocess
import sys

THREAD_ENDS = """
import threading, time
from credit_risk_dagster.automation.code_location import end_with_thread
threading.excepthook = end_with_thread
threading.Thread(target=lambda: 1 / 0, name="watcher of runs").start()
time.sleep(60)
"""


def test_the_process_ends_with_a_thread_that_failed_and_says_which() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", THREAD_ENDS], capture_output=True, text=True, timeout=50, check=False
    )

    assert ended.returncode == 1
    assert "watcher of runs" in ended.stderr
    assert "ZeroDivisionError" in ended.stderr
