"""Grafana's dashboards, as code, from which their files are written (`make dashboards`).

Only developers need this package and the SDK that it imports; Grafana reads the files.
"""
