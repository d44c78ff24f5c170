"""A credit-risk model platform: monthly data, policy, models, scores and monitoring on Dagster."""

CODE_VERSION = "2"
"""The version of every table and model definition; raised when a definition's result changes."""
