"""Several fits side by side: which codes are simplest, by the lengths of their axes, without labels."""

from interpret_inn.comparing.fit_lengths import lengths
from interpret_inn.comparing.report_section import beside_galleries
from interpret_inn.comparing.selection import Selection, Standing, select

__all__ = ["Selection", "Standing", "beside_galleries", "lengths", "select"]
