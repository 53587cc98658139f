"""How a layer moves with a concept, by what else is known of a sample: a regression whose noise is shrunk away.

    z ≈ A(o) + B(v) + C(o, v)

with the values v of the concept and o of all other concepts. A sample's layer after the concept took the value v′ is
expected at z + B(v′) − B(v) + C(o, v′) − C(o, v): a shift that is adjusted for the other concepts and may depend on
them. B and C are estimated one after the other by least squares in axes in which the noise is white, and the singular
values of each are shrunk as is best for a matrix of low rank in white noise (Gavish and Donoho, 2017, for the Frobenius
norm): `√((s² − a − b)² − 4ab) / s` above `√a + √b`, else 0, for a × b coefficients. What chance brings is taken away,
and of a concept that the layer does not hold nothing is left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from interpret_inn.types import FloatArray, IntArray
from interpret_inn.types.numbers import NEGLIGIBLE, TINY

_FLOOR = 1e-4
"""Variance of the noise along an axis at least, in units of the largest, where each unit of the layer varies by 1."""
_LEAST_LEFT = 0.05
"""Share of a group's variance that the other concepts leave, at least, as far as the test goes."""
TOLD = 0.99
"""Share of a concept that others tell from which nothing says what is its own."""
_ROWS_A_COLUMN = 10
"""Samples for each column of the regression, at least: others' products with the concept are fewer if there are not."""


class Design(NamedTuple):
    """The columns of the regression.

    Attributes:
        others: 1 and the functions of the other concepts, float64 (n, c).
        own: Functions of the concept, float64 (n, b).
    """

    others: FloatArray
    own: FloatArray


class Noise(NamedTuple):
    """The noise of a layer's axes around the regression.

    Attributes:
        whiten: From axes (n, D) to axes (n, r) in which the noise is white, (D, r).
        colour: And back, (r, D).
        excess: How much more the noise of a sum of samples varies than if no two were of one group; 1 at least.
    """

    whiten: FloatArray
    colour: FloatArray
    excess: float


class ClassShift(NamedTuple):
    """The fitted regression, as far as it changes with the concept's own values.

    Attributes:
        main: float64 (b, D).
        joint: float64 (j, D).
        mixed: Which products of other and own columns count, (c, b · m) with m mixtures of the others': (c, m).
        explained: The part of these products that `others` and `own` explain, float64 (c + b, j).
    """

    main: FloatArray
    joint: FloatArray
    mixed: FloatArray
    explained: FloatArray

    def at(self, design: Design) -> FloatArray:
        """B(v) + C(o, v) for each row, float64 (n, D), up to a function of o alone."""
        products = _products(design, self.mixed) - np.concatenate(design, 1) @ self.explained
        found: FloatArray = design.own @ self.main + products @ self.joint
        return found


def fit_noise(layer: FloatArray, design: Design, groups: IntArray) -> Noise:
    """The noise of rows (N, D) around their regression on the design; `groups` (N,): variants of one thing."""
    mixed = _mixtures(design)
    columns = np.concatenate([*design, _products(design, mixed)], 1)
    left = layer - columns @ np.linalg.lstsq(columns, layer, rcond=None)[0]
    free = max(len(layer) - columns.shape[1], 1)
    units, within = _coordinates(layer)
    coordinates = (left / units) @ within.T
    variances, axes = np.linalg.eigh(coordinates.T @ coordinates / free)
    # an axis without noise is held exactly; one of zero variance would be infinitely sure
    deviations = np.sqrt(np.maximum(variances, _FLOOR * variances.max(initial=0.0)).clip(TINY))
    whiten = (within.T @ axes / deviations) / units[:, None]
    colour = (axes * deviations).T @ within * units
    return Noise(whiten, np.asarray(colour), _excess(left @ whiten, groups))


def _coordinates(layer: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Deviations of the axes, (D,), 1 if they never vary, and a basis of all that varies in these units, (r, D)."""
    deviations = layer.std(0)
    units = np.where(deviations > 0, deviations, 1.0)
    _, scales, axes = np.linalg.svd((layer - layer.mean(0)) / units, full_matrices=False)
    return units, axes[scales > NEGLIGIBLE * max(scales.max(initial=0.0), TINY)]


def _excess(white: FloatArray, groups: IntArray) -> float:
    names, members = np.unique(groups, return_inverse=True)
    if len(names) == len(white) or not white.size:
        return 1.0
    sums = np.zeros((len(names), white.shape[1]))
    np.add.at(sums, members, white)
    return max(1.0, float((sums**2).sum() / max((white**2).sum(), TINY)))


def fit_class_shift(
    layer: FloatArray, design: Design, noise: Noise, weights: FloatArray | None = None, *, shrink: bool = True
) -> ClassShift:
    """Fits the regression.

    Args:
        layer: Rows, float64 (N, D).
        design: Of the same samples.
        noise: Of the same layer; bootstrap draws share one.
        weights: How often each row counts, float64 (N,).
        shrink: Whether what chance brings is taken away.
    """
    root = np.ones(len(layer)) if weights is None else np.sqrt(weights)
    others, own = (columns * root[:, None] for columns in design)
    white = (layer * root[:, None]) @ noise.whiten
    white -= others @ np.linalg.lstsq(others, white, rcond=None)[0]
    mixed = _mixtures(design)
    both = np.concatenate((others, own), 1)
    products = _products(design, mixed) * root[:, None]
    explained = np.linalg.lstsq(both, products, rcond=None)[0]
    beside = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
    level = np.sqrt(noise.excess)
    main = _coefficients(beside, white, level, shrink=shrink)
    joint = _coefficients(products - both @ explained, white, level, shrink=shrink)
    return ClassShift(main @ noise.colour, joint @ noise.colour, mixed, np.asarray(explained))


def chance_of_shift(layer: FloatArray, design: Design, groups: IntArray, signs: FloatArray) -> float:
    """The probability of a layer that moves as much with the concept by chance: a p-value, adjusted for the others.

    The statistic is the squared norm of the coefficients of `own` beside `others`, in axes that are white, but for a
    ridge, by what the others leave of the layer: no sign changes these. Under the hypothesis that the layer does not
    move with the concept, what is left of a group is as likely with the opposite sign. The others took a share of its
    variance with them, by their leverage, which is given back.

    Args:
        layer: Rows, float64 (N, D).
        design: Of the same samples.
        groups: Of these, int64 (N,).
        signs: Draws of 1 and −1 for each of G groups, float64 (R, G).
    """
    others = _orthonormal(design.others)
    left = layer - others @ (others.T @ layer)
    _, scales, axes = np.linalg.svd(left, full_matrices=False)
    if not scales.any():
        return 1.0
    left = left @ (axes.T / np.sqrt(scales**2 + (scales**2).mean()))
    own = _orthonormal(design.own - others @ (others.T @ design.own))
    members = np.unique(groups, return_inverse=True)[1]
    leverage = np.bincount(members, (others**2).sum(1))[members]
    given_back = left / np.sqrt(np.maximum(1 - leverage, _LEAST_LEFT))[:, None]
    found = ((own.T @ left) ** 2).sum() * (1 - NEGLIGIBLE)
    drawn = np.array([(((own * sign[members, None]).T @ given_back) ** 2).sum() for sign in signs])
    return float((1 + (drawn >= found).sum()) / (1 + len(signs)))


def told_by_others(design: Design) -> float:
    """The share of a concept's functions that the others tell by a line, in [0, 1]; 1: it is a function of them."""
    others = _orthonormal(design.others)
    own = design.own - design.own.mean(0)
    whole = (own**2).sum()
    left = own - others @ (others.T @ own)
    return 1.0 if whole <= TINY else float(1 - (left**2).sum() / whole)


def _orthonormal(columns: FloatArray) -> FloatArray:
    """An orthonormal basis of the span of columns (N, k)."""
    left, scales, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, scales > NEGLIGIBLE * max(scales.max(initial=0.0), 1.0)]


def fit_spreads(
    left: FloatArray, cells: IntArray, count: int, weights: FloatArray | None = None
) -> FloatArray:
    """How far a layer's axes spread around the regression, by value of the concept: float64 (count, D), all above 0.

    Logarithms of the deviations are drawn towards their mean over values, by as much of their differences as chance
    brings: a variance of (κ − 1) / 4n for n samples of kurtosis κ (3 for a normal distribution: 1 / 2n).

    Args:
        left: What the regression leaves, float64 (N, D).
        cells: Which value, or range of values, each sample has, int64 (N,).
        count: How many there are; each has a sample.
        weights: How often each row counts, float64 (N,).
    """
    rows = np.ones(len(left)) if weights is None else weights
    counts = np.maximum(np.bincount(cells, rows, count), 1.0)[:, None]
    members = np.eye(count)[cells] * rows[:, None]
    second, fourth = left**2, (rows @ left**4) / rows.sum()
    squares = members.T @ second / counts
    logs = np.log(np.maximum(squares, NEGLIGIBLE * max(float(squares.max(initial=0.0)), TINY))) / 2
    mean = (counts * logs).sum(0) / counts.sum()
    kurtosis = fourth / np.maximum((rows @ second) / rows.sum(), TINY) ** 2
    apart, chance = logs - mean, (kurtosis - 1).clip(1.0) / (4 * counts)
    true = np.maximum((counts * (apart**2 - chance)).sum(0) / counts.sum(), 0.0)
    found: FloatArray = np.exp(mean + apart * true / (true + chance))
    return found


def _mixtures(design: Design) -> FloatArray:
    """Which mixtures of the other concepts' columns are multiplied with the concept's: all, or the principal ones."""
    others = design.others[:, 1:]
    room = len(others) // (_ROWS_A_COLUMN * max(design.own.shape[1], 1)) - 1
    width = others.shape[1]
    if width <= max(room, 0):
        return np.eye(width)
    _, _, axes = np.linalg.svd(others - others.mean(0), full_matrices=False)
    return axes[: max(room, 0)].T


def _products(design: Design, mixed: FloatArray) -> FloatArray:
    """Each mixture of the other concepts' columns times each of the concept's, float64 (n, m · b)."""
    found: FloatArray = ((design.others[:, 1:] @ mixed)[:, :, None] * design.own[:, None]).reshape(
        len(design.own), -1
    )
    return found


def _coefficients(columns: FloatArray, white: FloatArray, level: float, *, shrink: bool) -> FloatArray:
    """Least squares of white rows (N, r) on columns (N, k), its singular values shrunk: float64 (k, r)."""
    left, scales, right = np.linalg.svd(columns, full_matrices=False)
    kept = scales > NEGLIGIBLE * max(scales.max(initial=0.0), 1.0)
    found = (left[:, kept].T @ white) / level
    if shrink and found.size:
        first, values, last = np.linalg.svd(found, full_matrices=False)
        found = (first * shrunk(values, *found.shape)) @ last
    coefficients: FloatArray = (right[kept].T / scales[kept]) @ (found * level)
    return coefficients


def shrunk(values: FloatArray, rows: int, columns: int) -> FloatArray:
    """Singular values of a matrix (rows, columns) of low rank in white noise, less what the noise brings.

    >>> shrunk(np.array([10.0, 3.0]), 4, 9).round(2).tolist()
    [8.62, 0.0]
    """
    above = values > np.sqrt(rows) + np.sqrt(columns)
    safe = np.where(above, values, 1.0)
    inside = np.maximum((safe**2 - rows - columns) ** 2 - 4 * rows * columns, 0.0)
    found: FloatArray = np.where(above, np.sqrt(inside) / safe, 0.0)
    return found
