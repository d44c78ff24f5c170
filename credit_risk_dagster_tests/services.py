"""Tests that start servers of their own, which takes minutes, run where they are asked for."""

import os

import pytest

STARTS_SERVICES = pytest.mark.skipif(
    "CREDIT_RISK_TEST_SERVICES" not in os.environ,
    reason="its services take minutes: set CREDIT_RISK_TEST_SERVICES=1 to start them",
)
