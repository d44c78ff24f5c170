"""The assets: read, call the core, write, report."""
