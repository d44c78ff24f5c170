"""Watching data, scores and outcomes month by month."""
