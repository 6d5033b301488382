"""Figures from stored predictions: metrics and how far they may be off."""
