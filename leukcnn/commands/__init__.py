"""The commands of `leukcnn`, a module each.

Heavy libraries are imported inside the functions, so that `--help` is fast.
"""
