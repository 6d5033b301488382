"""The report of a run: one self-contained page, made from the store alone."""
