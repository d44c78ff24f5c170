"""Asset checks: rules about one month of a table, evaluated for every month of a run."""
