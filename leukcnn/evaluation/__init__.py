"""What values are held against, and looks inside networks: controls, shortcuts, feature spaces, maps."""
