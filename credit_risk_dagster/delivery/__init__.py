"""The one strict reader of what a lender delivers."""
