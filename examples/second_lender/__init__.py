"""A German instalment lender: its contract, in Python and in TOML, and extracts to run it on."""
