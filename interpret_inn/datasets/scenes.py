"""A coloured thing in a coloured room: images in the spirit of 3D Shapes."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interpret_inn.datasets.known import Images, KnownFactors
from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import TINY

_STEPS, _NEAR = 40, 1e-3
"""Steps of a ray, and how near to a surface it then meets it: a pixel is some 0.05 wide there."""
_SLOPE = 1e-3
"""Half the distance at which the slope of a distance is measured."""


@dataclass(frozen=True)
class Surface:
    """A solid by its signed distance, standing at the origin.

    Attributes:
        distance: From points (N, 3) to their distances from it, (N,), less than 0 inside.
        middle: Height of the centre of a ball around it.
        radius: Of that ball.
        foot: Radius of its shadow.
    """

    distance: Callable[[FloatArray], FloatArray]
    middle: float
    radius: float
    foot: float


def march(surface: Surface, start: FloatArray, rays: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Traces rays to a surface by sphere tracing (Hart 1996): each step is as long as the surface is far.

    Args:
        surface: A solid.
        start: The point at which all rays begin, (3,).
        rays: Directions of length 1, (h, w, 3).

    Returns:
        Whether each ray meets the surface, bool (h, w); the points where they meet, and the normals there, float64
        (h, w, 3), 0 for rays that do not meet it.
    """
    offset = start - np.array([0.0, surface.middle, 0.0])
    along = -(rays @ offset)
    near = (offset @ offset - along**2 < surface.radius**2) & (along > 0)
    chosen = rays[near]
    gone = (along[near] - surface.radius).clip(0)
    for _ in range(_STEPS):
        left = surface.distance(start + gone[:, None] * chosen)
        gone = gone + left
    met = left < _NEAR
    hit, points, normals = near.copy(), np.zeros_like(rays), np.zeros_like(rays)
    hit[near] = met
    points[hit] = found = start + gone[met][:, None] * chosen[met]
    steps = _SLOPE * np.eye(3)
    slopes = np.stack([surface.distance(found + step) - surface.distance(found - step) for step in steps], -1)
    normals[hit] = slopes / np.linalg.norm(slopes, axis=-1, keepdims=True).clip(TINY)
    return hit, points, normals


def _cube(size: float) -> Surface:
    half = 0.46 * size

    def distance(points: FloatArray) -> FloatArray:
        away = np.abs(points - np.array([0.0, half, 0.0])) - half
        outside = np.linalg.norm(away.clip(0), axis=-1)
        return np.asarray(outside + away.max(-1).clip(None, 0))

    return Surface(distance, half, half * 3**0.5 + 0.01, 1.2 * half)


def _cylinder(size: float) -> Surface:
    radius, half = 0.46 * size, 0.5 * size

    def distance(points: FloatArray) -> FloatArray:
        round_about = np.hypot(points[:, 0], points[:, 2]) - radius
        away = np.stack([round_about, np.abs(points[:, 1] - half) - half], -1)
        outside = np.linalg.norm(away.clip(0), axis=-1)
        return np.asarray(outside + away.max(-1).clip(None, 0))

    return Surface(distance, half, float(np.hypot(radius, half)) + 0.01, 1.2 * radius)


def _ball(size: float) -> Surface:
    radius = 0.55 * size

    def distance(points: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.norm(points - np.array([0.0, radius, 0.0]), axis=-1) - radius)

    return Surface(distance, radius, radius + 0.01, 0.8 * radius)


def _pill(size: float) -> Surface:
    radius, height = 0.33 * size, 1.25 * size

    def distance(points: FloatArray) -> FloatArray:
        core = points.copy()
        core[:, 1] -= points[:, 1].clip(radius, height - radius)
        return np.asarray(np.linalg.norm(core, axis=-1) - radius)

    return Surface(distance, height / 2, height / 2 + 0.01, 1.1 * radius)


SOLIDS: Mapping[str, Callable[[float], Surface]] = {
    "cube": _cube,
    "cylinder": _cylinder,
    "ball": _ball,
    "pill": _pill,
}
"""Solids by name, each of a size; size 1 is about a unit high."""

SIZE = 64
"""Pixels of an image each way."""
_FINE = 2  # rays along each side of a pixel
_ROOM = 2.4  # from the middle to each wall
_EYE, _TARGET, _DISTANCE, _SPREAD = 1.8, 0.75, 3.3, 0.5  # heights, how far off, half the view's tangent
_LIGHT = np.array([0.45, 0.8, 0.4]) / np.linalg.norm([0.45, 0.8, 0.4])
_AMBIENT, _SHINE, _GLOSS = 0.45, 0.5, 30
_HUES = 10


class Scenes(KnownFactors):
    """A cube, cylinder, ball or pill in a room, under one lamp, seen from 15 sides.

    The factors and their numbers of values are the same as in 3D Shapes (Burgess and Kim 2018): hue of floor, wall and
    object (10 each), size (8), shape (4), orientation (15): 480,000 images, RGB, 64 × 64 pixels. The pictures are our
    own: a room with corners, soft shading, a highlight and a shadow, two by two rays for a pixel.

    The geometry depends on size, shape and orientation alone (480 cases); each is traced when it is first needed (some
    ten milliseconds) and kept: 31 MB if all are.

    Example:
        >>> Scenes()
        Scenes(480,000 images: floor hue 10, wall hue 10, object hue 10, size 8, shape 4, orientation 15)
    """

    def __init__(self) -> None:
        hues = np.arange(_HUES) / _HUES
        super().__init__(
            {
                "floor hue": hues,
                "wall hue": hues,
                "object hue": hues,
                "size": np.linspace(0.75, 1.25, 8),
                "shape": tuple(SOLIDS),
                "orientation": np.linspace(-30, 30, 15),
            }
        )
        self._traced: dict[tuple[int, int, int], FloatArray] = {}

    def render(self, latents: IntArray) -> Images:
        """Images (N, 64, 64, 3) of factors (N, 6)."""
        light = np.stack([self._light(*(int(number) for number in row)) for row in latents[:, 3:]])
        colours = self._palette[latents[:, :3]]  # (N, 3, RGB)
        mixed = np.einsum("nhwk,nkc->nhwc", light[..., :3], colours) + light[..., 3:]
        return np.asarray((mixed.clip(0, 1) * 255).round(), np.uint8)

    @cached_property
    def _palette(self) -> FloatArray:
        return np.array([colorsys.hsv_to_rgb(hue, 0.85, 1.0) for hue in np.arange(_HUES) / _HUES], np.float32)

    def _light(self, size: int, shape: int, side: int) -> FloatArray:
        """Brightness of floor, wall and object in each pixel, and of the highlight, float32 (64, 64, 4)."""
        key = (size, shape, side)
        if key not in self._traced:
            surface = SOLIDS[str(self.values["shape"][shape])](float(self.values["size"][size]))
            self._traced[key] = _lit(surface, float(self.values["orientation"][side]))
        return self._traced[key]


def _lit(surface: Surface, degrees: float) -> FloatArray:
    """Brightness of floor, wall and object seen from an angle, and of the highlight, float32 (64, 64, 4)."""
    start, rays = _rays(np.deg2rad(degrees))
    floor, wall, where = _room(start, rays)
    hit, _, normals = march(surface, start, rays)
    shade = _AMBIENT + (1 - _AMBIENT) * (normals @ _LIGHT).clip(0, 1)
    halfway = _LIGHT - rays
    halfway /= np.linalg.norm(halfway, axis=-1, keepdims=True)
    gloss = _SHINE * (normals * halfway).sum(-1).clip(0, 1) ** _GLOSS
    under = np.hypot(where[..., 0], where[..., 2]) / surface.foot
    shadow = 1 - 0.55 * np.exp(-(under**2)) * floor
    seen = np.logical_not(hit)
    layers = np.stack([floor * shadow * seen, wall * seen, shade * hit, gloss * hit], -1)
    fine = layers.reshape(SIZE, _FINE, SIZE, _FINE, 4)
    return np.asarray(fine.mean((1, 3)), np.float32)


def _rays(angle: float) -> tuple[FloatArray, FloatArray]:
    """The camera's place, (3,), and the directions of its rays, (h, w, 3)."""
    start = np.array([_DISTANCE * np.sin(angle), _EYE, _DISTANCE * np.cos(angle)])
    ahead = np.array([0.0, _TARGET, 0.0]) - start
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    places = ((np.arange(SIZE * _FINE) + 0.5) / (SIZE * _FINE) * 2 - 1) * _SPREAD
    rays = ahead + places[None, :, None] * right - places[:, None, None] * up
    return start, rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def _room(start: FloatArray, rays: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Brightness of floor and walls, (h, w) each, 0 where the other is seen; and the ends of rays, (h, w, 3)."""
    with np.errstate(divide="ignore"):
        to_floor = np.where(rays[..., 1] < 0, -start[1] / rays[..., 1], np.inf)
        walls = (np.sign(rays[..., ::2]) * _ROOM - start[::2]) / rays[..., ::2]
    walls = np.where(walls > 0, walls, np.inf)
    to_wall = walls.min(-1)
    on_floor = to_floor < to_wall
    where = start + np.minimum(to_floor, to_wall)[..., None] * rays
    facing = np.where(walls[..., 0] < walls[..., 1], 0.78, 0.92)  # one wall of a corner is darker
    wall = facing * (0.8 + 0.2 * (where[..., 1] / 2.5).clip(0, 1))
    floor = 0.95 - 0.08 * np.hypot(where[..., 0], where[..., 2]) / _ROOM
    return np.where(on_floor, floor, 0.0), np.where(on_floor, 0.0, wall), where
