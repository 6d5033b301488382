"""Metrics and their confidence intervals, from stored predictions."""
