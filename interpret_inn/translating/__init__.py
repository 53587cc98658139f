"""The translator between inputs, representations and codes, the fit that it uses, and edits of codes."""
