"""Runs a paper's trials, from the options to the tables."""
