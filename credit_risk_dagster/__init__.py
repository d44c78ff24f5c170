"""A credit-risk model platform: monthly data, policy, models, scores and monitoring on Dagster."""
