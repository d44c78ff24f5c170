"""Contracts of lenders, to run and to learn from."""
