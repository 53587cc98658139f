"""Effects of concepts: what the output does when a concept takes another of its values and all else stays."""
