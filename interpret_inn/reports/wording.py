"""What only a page says in numbers: ticks, positions, durations, sizes of files, preprocessing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from interpret_inn.explaining.wording import MISSING, number, percent


def tick(value: float) -> str:
    """A number on a scale, without zeros that say nothing.

    >>> [tick(x) for x in (0.0, 0.06, 0.5, 300.0)]
    ['0', '0.06', '0.5', '300']
    """
    return f"{value:.3g}" if value == 0 or 1e-3 <= value < 1e3 else number(value)


def sigmas(value: float) -> str:
    """A position in standard deviations from the mean, with its sign.

    >>> [sigmas(x) for x in (0.0, -0.04, 1.25, -2.0, float("nan"))]
    ['0.0σ', '0.0σ', '+1.2σ', '−2.0σ', '–']
    """
    if not math.isfinite(value):
        return MISSING
    rounded = f"{value:+.1f}σ".replace("-", "−")
    return rounded[1:] if rounded[1:] == "0.0σ" else rounded


def seconds(value: float) -> str:
    """A duration.

    >>> [seconds(x) for x in (0.04, 7.25, 42.0, 200.0, 7300.0, float("nan"))]
    ['0.04 s', '7.2 s', '42 s', '3 min 20 s', '2 h 1 min', '–']
    """
    if not math.isfinite(value):
        return MISSING
    if value < 60:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def bytes_text(size: int) -> str:
    """A file size.

    >>> bytes_text(1_440), bytes_text(2_345_678)
    ('1 kB', '2.3 MB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"


def preprocess_text(fields: Mapping[str, Any]) -> str:
    """How pictures enter the model, from what `Preprocess.to_dict` says; empty if that is not known.

    >>> preprocess_text({"mode": "pictures", "size": None, "mean": [0.5], "std": [0.25]})
    'pictures are scaled to [0, 1], then normalised by mean 0.5 and standard deviation 0.25'
    >>> preprocess_text({"mode": "identity"})
    'none: inputs are taken as they are'
    """
    mode = fields.get("mode", "")
    if mode != "pictures":
        words = {"identity": "none: inputs are taken as they are", "callable": "by the caller’s own function"}
        return f"{words.get(mode, '')} {fields.get('name', '')}".strip()
    done = []
    if fields.get("size"):
        height, width = fields["size"]
        crop = f"{fields.get('crop_mode')} crop, {percent(fields.get('crop_pct', math.nan))}"
        done.append(f"brought to {height} × {width} ({fields.get('interpolation')}, {crop})")
    done.append("scaled to [0, 1]")
    said = f"pictures are {' and '.join(done)}, "
    if not fields.get("mean"):
        return said + "and not normalised"
    mean, std = (", ".join(f"{value:.4g}" for value in fields[name]) for name in ("mean", "std"))
    return said + f"then normalised by mean {mean} and standard deviation {std}"
