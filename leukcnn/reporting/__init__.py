"""What a run has to show: tables, figures and the progress on the terminal."""
