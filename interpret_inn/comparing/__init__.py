"""Several fits side by side: which codes are simplest, by the lengths of their axes, without labels."""

from interpret_inn.comparing.beside import beside_galleries
from interpret_inn.comparing.lengths import lengths
from interpret_inn.comparing.selection import Selection, Standing, select

__all__ = ["Selection", "Standing", "beside_galleries", "lengths", "select"]
