"""Quadrature is as good as summing everything, geometry is the court's, and draws are what they say."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core import court
from parivision_assets.core.league import actions, chances, marginals, places
from parivision_assets.core.league.draws import Stream, running_shares


@pytest.mark.parametrize("place", range(len(actions.CLASSES)))
@pytest.mark.parametrize("changed", [False, True])
def test_quadrature_equals_the_exact_sum(place: int, changed: bool) -> None:
    logits = np.linspace(-3.0, 3.0, 61)
    for position in range(3):
        for band, off in ((0, False), (2, True)):
            for distribution, nodes in (
                (chances.release_distribution(place, position, band, off, changed), chances.RELEASE_NODES),
                (chances.hidden_distribution(place, band, off, changed, tight=True), chances.ACTION_NODES),
            ):
                values, weights = distribution
                exact = (weights / (1 + np.exp(-(logits[:, None] + values)))).sum(axis=1)
                points, shares = chances.gauss_rule(values, weights, nodes)
                rule = (shares / (1 + np.exp(-(logits[:, None] + points)))).sum(axis=1)
                assert np.abs(rule - exact).max() < 2e-5
                assert abs(shares.sum() - 1) < 1e-9


@given(
    values=st.lists(st.floats(-3, 3), min_size=1, max_size=40),
    nodes=st.integers(1, 6),
)
def test_a_gauss_rule_keeps_mean_and_mass(values: list[float], nodes: int) -> None:
    array = np.array(values)
    weights = np.full(len(array), 1 / len(array))
    points, shares = chances.gauss_rule(array, weights, nodes)
    assert len(points) == len(shares) == nodes
    assert abs(shares.sum() - 1) < 1e-6
    assert abs((points * shares).sum() - array.mean()) < 1e-6


def test_contested_and_open_shots_make_up_the_plain_label() -> None:
    for place in range(len(actions.CLASSES)):
        shares = np.array(marginals.DEFENDER_SHARES[actions.CLASS_REGION[place]])
        tight = shares[: chances.TIGHT_BANDS].sum() / shares.sum()
        means = [
            float(np.dot(*chances.hidden_distribution(place, 0, False, False, how))) for how in (None, True, False)
        ]
        assert abs(tight * means[1] + (1 - tight) * means[2] - means[0]) < 1e-9
        assert means[1] < means[0] < means[2]


def test_zones_follow_the_court() -> None:
    spots = [
        (0.0, 0.0, "Restricted Area"), (3.0, 2.0, "Restricted Area"), (0.0, 4.1, "In The Paint (Non-RA)"),
        (7.9, 13.0, "In The Paint (Non-RA)"), (10.0, 3.0, "Mid-Range"), (0.0, 23.7, "Mid-Range"),
        (-22.0, 0.0, "Left Corner 3"), (22.0, 0.0, "Right Corner 3"), (0.0, 23.8, "Above the Break 3"),
        (-20.0, 20.0, "Above the Break 3"), (0.0, 60.0, "Backcourt"),
    ]  # fmt: skip
    x, y = (np.array([spot[i] for spot in spots], dtype=float) for i in (0, 1))
    assert [marginals.ZONES[zone] for zone in places.zone_of(x, y)] == [spot[2] for spot in spots]


def test_every_drawn_spot_lies_in_its_zone_and_on_the_court() -> None:
    for shift in (0.0, 1.5):
        for index, lattice in enumerate(places.lattices(shift)):
            assert (places.zone_of(lattice.x_ft, lattice.y_ft, shift) == index).all()
            assert np.abs(lattice.x_ft).max() <= court.HALF_WIDTH_FT
            assert lattice.y_ft.min() >= court.MIN_Y_FT
            assert lattice.y_ft.max() <= court.MAX_Y_FT
            assert lattice.shares[-1] == pytest.approx(1.0)


def test_threes_agree_with_the_court_module() -> None:
    lattice = [places.lattices()[index] for index in range(6)]
    x, y = np.concatenate([part.x_ft for part in lattice]), np.concatenate([part.y_ft for part in lattice])
    frame = pl.DataFrame({"x": x, "y": y}).select(court.is_beyond_arc(pl.col("x"), pl.col("y"))).to_series()
    ours = places.is_three(places.zone_of(x, y))
    assert (frame.to_numpy() == ours).mean() > 0.995


def test_normals_and_picks_have_the_asked_distribution() -> None:
    normal = Stream(1, "test").normal(200_000)
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
    shares = running_shares(np.array([[1.0, 0.0, 3.0]]))
    picked = np.bincount(Stream(1, "pick").pick(shares, np.zeros(100_000, dtype=np.int64)), minlength=3) / 100_000
    assert np.abs(picked - [0.25, 0.0, 0.75]).max() < 0.006


def test_streams_are_independent_of_each_other_and_of_order() -> None:
    assert (Stream(1, "a").uniform(5) == Stream(1, "a").uniform(5)).all()
    draws = {tuple(Stream(*key).uniform(3)) for key in ((1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1))}
    assert len(draws) == 4
