import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.explanation import (
    AVERAGE,
    AVERAGE_SHOT,
    GAME_GROUPS,
    MAX_GROUPS,
    SHOT_GROUPS,
    Group,
    coalitions,
    explained,
    group_of,
    in_points,
    place_words,
    shapley,
)
from parivision_assets.core.features import Feature
from parivision_assets.core.game_features import GAME_FEATURES
from parivision_assets.core.shot_features import FEATURES

chances = st.floats(0.01, 0.99)


@pytest.mark.parametrize(("groups", "features"), [(SHOT_GROUPS, FEATURES), (GAME_GROUPS, GAME_FEATURES)])
def test_every_feature_has_words_and_every_word_a_feature(
    groups: tuple[Group, ...], features: tuple[Feature, ...]
) -> None:
    named = [name for group in groups for name in group.features]
    assert sorted(named) == sorted(feature.name for feature in features)
    for feature in features:
        words = group_of(groups, feature.name).words
        assert all(words[language].strip() for language in ("en", "fr"))
    assert len({group.name for group in groups}) == len(groups)
    assert len(groups) - 1 <= MAX_GROUPS


def test_a_feature_without_words_is_named() -> None:
    with pytest.raises(KeyError, match="luck_of_the_day belongs to no group"):
        group_of(SHOT_GROUPS, "luck_of_the_day")


def by_orders(values: np.ndarray, count: int) -> list[float]:
    """Return contributions by their definition: the mean over all orders of telling."""
    found = [0.0] * count
    for order in itertools.permutations(range(count)):
        told = 0
        for group in order:
            found[group] += values[told | 1 << group] - values[told]
            told |= 1 << group
    return [value / math.factorial(count) for value in found]


@settings(deadline=None)
@given(st.integers(0, 4).flatmap(lambda n: st.lists(st.floats(-3, 3), min_size=2**n, max_size=2**n)))
def test_contributions_are_means_over_all_orders(values: list[float]) -> None:
    count = len(values).bit_length() - 1
    found = shapley(np.array(values))
    assert found.tolist() == pytest.approx(by_orders(np.array(values), count), abs=1e-12)
    assert found.sum() == pytest.approx(values[-1] - values[0], abs=1e-9)


def test_an_input_that_changes_nothing_contributes_nothing_and_equals_share_alike() -> None:
    told = coalitions(3).astype(float)
    values = told[:, 0] + told[:, 1] + 2.0 * told[:, 0] * told[:, 1]
    assert shapley(values).tolist() == pytest.approx([2.0, 2.0, 0.0])


def test_too_many_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="merge some"):
        coalitions(MAX_GROUPS + 1)


@settings(deadline=None)
@given(chances, chances, st.lists(st.floats(-2, 2), max_size=8))
def test_points_sum_to_the_way_from_the_average_to_the_answer(average: float, chance: float, some: list[float]) -> None:
    way = math.log(chance / (1 - chance)) - math.log(average / (1 - average))
    parts = [*some, way - math.fsum(some)]
    found = in_points(average, chance, parts)
    assert math.fsum(found) == pytest.approx(100 * (chance - average), abs=1e-6)
    assert all(point * part >= 0 for point, part in zip(found, parts, strict=True))


def test_inputs_that_cancel_out_are_still_told() -> None:
    assert in_points(0.5, 0.5, [0.4, -0.4]) == pytest.approx([10.0, -10.0])


def test_the_average_comes_first_and_then_the_largest() -> None:
    parts = [("a", {"en": "a"}, 0.1), ("b", {"en": "b"}, -0.6), ("c", {"en": "c"}, 0.2)]
    chance = 1 / (1 + math.exp(0.3))
    found = explained(0.5, AVERAGE_SHOT, chance, parts)
    assert [item.input for item in found] == [AVERAGE, "b", "c", "a"]
    assert math.fsum(item.points for item in found) == pytest.approx(100 * chance)
    assert found[0].words["fr"] == "Le tir moyen de la ligue"


def test_places_are_told_in_each_readers_units() -> None:
    assert place_words(1.2, 2) == {"en": "Where the shot is taken: at the rim", "fr": "L'endroit du tir : au cercle"}
    assert place_words(24.0, 3) == {
        "en": "Where the shot is taken: 24 ft out, for three",
        "fr": "L'endroit du tir : à 7,3 m du panier, à trois points",
    }
