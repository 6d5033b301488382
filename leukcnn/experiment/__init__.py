"""A paper's trials in order, from options to tables."""
