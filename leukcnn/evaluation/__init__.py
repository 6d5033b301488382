"""Controls to compare networks with; shortcuts, feature spaces and maps that show what networks use."""
