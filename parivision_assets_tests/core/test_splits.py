import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.splits import group_folds, walk_forward


@given(st.sets(st.integers(2000, 2030)), st.integers(2000, 2030), st.integers(1, 8))
def test_training_seasons_are_the_newest_before_the_test(seasons: set[int], test: int, newest: int) -> None:
    earlier = sorted(season for season in seasons if season < test)
    if not earlier:
        with pytest.raises(ValueError, match="add one to train on"):
            walk_forward(test, seasons, newest)
        return
    assert walk_forward(test, seasons, newest) == tuple(earlier[-newest:])


def test_an_absent_season_is_not_counted() -> None:
    assert walk_forward(2021, [2015, 2016, 2017, 2018, 2020, 2021], 3) == (2017, 2018, 2020)


def test_no_season_is_refused() -> None:
    with pytest.raises(ValueError, match="newest_n is 0"):
        walk_forward(2021, [2020], 0)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), st.integers(2, 5), st.integers(0, 9))
def test_games_stay_whole_and_folds_are_even(games: list[int], folds: int, seed: int) -> None:
    groups = np.asarray(games)
    if len(set(games)) < folds:
        with pytest.raises(ValueError, match="train on more games"):
            group_folds(groups, folds, seed)
        return
    numbers = group_folds(groups, folds, seed)
    fold_of = {game: set(numbers[groups == game]) for game in set(games)}
    assert all(len(found) == 1 for found in fold_of.values())
    sizes = np.bincount([found.pop() for found in fold_of.values()], minlength=folds)
    assert sizes.max() - sizes.min() <= 1


def test_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    groups = np.repeat(np.arange(50), 3)
    order = np.random.default_rng(1).permutation(len(groups))
    numbers = group_folds(groups, 3, 7)
    assert np.array_equal(group_folds(groups[order], 3, 7), numbers[order])
    assert not np.array_equal(group_folds(groups, 3, 8), numbers)


def test_games_may_be_named_by_words() -> None:
    assert sorted(group_folds(np.asarray(["a", "b", "a"], dtype=object), 2, 1)) in ([0, 0, 1], [0, 1, 1])
    with pytest.raises(ValueError, match="at least two"):
        group_folds(np.asarray([1, 2]), 1, 1)
