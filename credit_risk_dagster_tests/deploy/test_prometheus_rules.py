"""Prometheus's configuration and rules, checked and run by Prometheus's own tool."""

import re
import subprocess

import yaml

from credit_risk_dagster_tests.prometheus import CONFIGURATION, program


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [str(program("promtool")), *arguments],
        cwd=CONFIGURATION,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_the_configuration_and_its_rules_are_valid() -> None:
    assert "1 rule files found" in promtool("check", "config", "prometheus.yml")
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml")


def test_rules_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml")


def test_every_alert_is_tested_both_ways() -> None:
    groups = yaml.safe_load((CONFIGURATION / "rules.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    tested = yaml.safe_load((CONFIGURATION / "rules_test.yml").read_text())["tests"]
    cases = [case for test in tested for case in test["alert_rule_test"]]

    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == alerts
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == alerts


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    groups = yaml.safe_load((CONFIGURATION / "rules.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.search(r"\.$", rule["annotations"]["summary"])
        assert len(rule["annotations"]["description"]) > 30
