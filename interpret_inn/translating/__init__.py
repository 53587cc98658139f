"""Between inputs, representations and codes: the translator, the fit that it works with, and edits of codes."""
