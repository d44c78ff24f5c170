"""The exporter: a process that tells Prometheus the platform's latest values."""
