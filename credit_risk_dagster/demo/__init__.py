"""A portfolio of invented borrowers, delivered as a lender delivers: for trials and tests."""
