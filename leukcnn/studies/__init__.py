"""A study of your own images: a folder becomes a paper, which is run like all others."""
