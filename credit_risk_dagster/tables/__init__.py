"""Bronze, silver and gold as pure functions from Ibis tables to an Ibis table."""
