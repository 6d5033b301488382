"""Manifests of the published datasets, compressed CSV: path, sha256, bytes."""
