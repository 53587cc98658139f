"""Things that can stand on a floor, and where rays meet them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from interpret_inn.types import FloatArray
from interpret_inn.types.tolerances import TINY

_STEPS, _NEAR, _SLOPE = 40, 1e-3, 1e-3


@dataclass(frozen=True)
class Surface:
    """A solid by its signed distance, standing at the origin.

    Attributes:
        distance: How far points (N, 3) are from it, (N,), less than 0 inside.
        middle: Height of the middle of a ball that holds it.
        radius: Of that ball.
        foot: How wide its shadow is.
    """

    distance: Callable[[FloatArray], FloatArray]
    middle: float
    radius: float
    foot: float


def march(surface: Surface, start: FloatArray, rays: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where rays meet a surface, by sphere tracing (Hart 1996): a step as long as the surface is far.

    Args:
        surface: A solid.
        start: Where all rays begin, (3,).
        rays: Directions of length 1, (h, w, 3).

    Returns:
        Whether they meet it, bool (h, w); where, and the normals there, float64 (h, w, 3), 0 where they do not.
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
"""By name, each of a size; 1 is about a unit high."""
