"""Grafana's dashboards, as code: `python -m credit_risk_dagster.dashboards` writes their files.

Only developers need this package and the SDK that it imports; Grafana reads the files.
"""
