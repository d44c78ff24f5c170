"""The doctor: what of a deployment is well, what is not, and what to do."""
