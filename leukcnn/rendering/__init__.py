"""Tables to text, CSV, Markdown and LaTeX; plots from arrays. Nothing here knows a store or a network."""
