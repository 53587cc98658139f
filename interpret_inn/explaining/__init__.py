"""The meaning and the effect of factors: evaluation on the test split, checks, redraws, examples, and their records."""
