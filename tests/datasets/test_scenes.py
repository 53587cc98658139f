"""A thing in a room."""

import numpy as np
import pytest

from interpret_inn.datasets import Scenes
from interpret_inn.datasets.scenes import SOLIDS, march

SCENES = Scenes()
MIDDLE = [0, 3, 6, 4, 2, 7]  # red floor, greenish wall, blue ball, seen from the front


def scene(**changes: int) -> np.ndarray:
    latents = dict(zip(SCENES.names, MIDDLE, strict=True)) | {
        k.replace("_", " "): v for k, v in changes.items()
    }
    return SCENES.drawn([list(latents.values())])[0].astype(int)


def test_each_hue_paints_its_own_part() -> None:
    image = scene()
    floor, wall, thing = image[-4, 32], image[3, 32], image[34, 32]
    assert floor.argmax() == 0 and wall.argmax() == 1 and thing.argmax() == 2
    for name, place in (("floor_hue", (-4, 32)), ("wall_hue", (3, 32)), ("object_hue", (34, 32))):
        changed = np.abs(scene(**{name: 8}) - image).sum(-1) > 12
        assert changed[place]
        others = {(-4, 32), (3, 32), (34, 32)} - {place}
        assert not any(changed[other] for other in others)


def test_a_larger_thing_covers_more() -> None:
    def covered(size: int) -> int:
        return int((np.abs(scene(size=size) - scene(size=size, object_hue=1)).sum(-1) > 12).sum())

    assert covered(0) < covered(4) < covered(7)


def test_the_sides_of_a_symmetric_thing_are_mirror_images() -> None:
    left, right = (
        np.abs(scene(orientation=side) - scene(orientation=side, wall_hue=8)).sum(-1) > 30 for side in (2, 12)
    )
    assert (left == right[:, ::-1]).mean() > 0.98


@pytest.mark.parametrize("name", list(SOLIDS))
def test_rays_end_on_the_surface_and_normals_point_outward(name: str) -> None:
    solid = SOLIDS[name](1.0)
    start = np.array([1.0, 1.5, 3.0])
    towards = np.array([0.0, solid.middle, 0.0]) - start
    rays = towards + np.random.default_rng(0).normal(0, 0.35, (30, 30, 3))
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    hit, points, normals = march(solid, start, rays)
    assert 100 < hit.sum() < 900
    assert np.abs(solid.distance(points[hit])).max() < 2e-3
    assert np.allclose(np.linalg.norm(normals[hit], axis=-1), 1, atol=1e-6)
    assert ((normals[hit] * rays[hit]).sum(-1) < 0.05).all()
    # what misses stays outside all along
    for gone in np.linspace(0, 6, 60):
        assert (solid.distance(start + gone * rays[~hit]) > 0).all()


def test_a_ball_is_met_where_the_formula_says() -> None:
    solid = SOLIDS["ball"](1.0)
    start, ray = np.array([0.0, 0.55, 3.0]), np.array([[[0.0, 0.0, -1.0]]])
    hit, points, normals = march(solid, start, ray)
    assert hit.all() and points[0, 0] == pytest.approx([0, 0.55, 0.55], abs=2e-3)
    assert normals[0, 0] == pytest.approx([0, 0, 1], abs=1e-5)


def test_what_is_traced_is_kept() -> None:
    fresh = Scenes()
    first = fresh.drawn([MIDDLE])
    traced = dict(fresh._traced)
    assert np.array_equal(fresh.drawn([MIDDLE]), first) and list(fresh._traced) == list(traced) == [(4, 2, 7)]
