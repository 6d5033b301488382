"""Tables as text, CSV, Markdown, LaTeX and HTML; plots of arrays. Nothing here reads a store or a network."""
