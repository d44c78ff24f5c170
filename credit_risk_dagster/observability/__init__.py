"""What people watch: the exporter, alerts and dashboards."""
