"""A first contract from sample files, for a person to finish: every guess is marked as one."""
