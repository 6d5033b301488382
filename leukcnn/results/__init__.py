"""Values with their intervals, from stored predictions."""
