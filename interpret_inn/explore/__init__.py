"""What can be done with factors: swap grids, latent traversals, samples, inversion, and pictures of all that.

Functions of factors take a fitted interpreter first and return tensors on the CPU: logits of classifiers, or images.

>>> import interpret_inn as inn
>>> inn.explore.contact_sheet([["3", "8"]]).dtype
dtype('uint8')
"""

from interpret_inn.errors import renamed
from interpret_inn.explore.galleries import report_galleries
from interpret_inn.explore.grids import interpolate, swap_grid
from interpret_inn.explore.inversion import Projection, project
from interpret_inn.explore.rendering import contact_sheet, save_animation, to_pictures
from interpret_inn.explore.sampling import sample
from interpret_inn.explore.traversals import class_traversal, random_walk, traverse

__all__ = [
    "Projection",
    "class_traversal",
    "contact_sheet",
    "interpolate",
    "project",
    "random_walk",
    "report_galleries",
    "sample",
    "save_animation",
    "swap_grid",
    "to_pictures",
    "traverse",
]

__getattr__ = renamed(
    __name__, {"lengths": "interpret_inn.lengths", "select": "interpret_inn.select"}
)  # which compare fits, and are no way to explore one
