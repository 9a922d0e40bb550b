import numpy as np
import polars as pl
import pytest

from parivision_assets.core.contracts import KnownAt
from parivision_assets.core.encoding import MIN_CATEGORY_ROWS, Encoder
from parivision_assets.core.features import Feature

FEATURES = (
    Feature("x", "x", "", KnownAt.PRE_GAME, "place", pl.col("x")),
    Feature("kind", "kind", "", KnownAt.POST_EVENT, "action", pl.col("kind"), dtype=pl.String),
    Feature("skill", "skill", "", KnownAt.PRE_GAME, "who", pl.col("skill")),
    Feature("form", "form", "", KnownAt.PRE_GAME, "who", pl.col("form")),
)


def frame() -> pl.DataFrame:
    kinds = ["good"] * 100 + ["bad"] * 100 + ["rare"] * (MIN_CATEGORY_ROWS - 1)
    made = [True] * 80 + [False] * 20 + [True] * 20 + [False] * 80 + [True] * (MIN_CATEGORY_ROWS - 1)
    ones = [1.0] * len(kinds)
    return pl.DataFrame({"x": ones, "kind": kinds, "skill": ones, "form": ones, "is_made": made})


@pytest.fixture
def encoder() -> Encoder:
    return Encoder.fit(FEATURES, frame(), "is_made", "place")


def test_codes_are_smoothed_rates_in_order(encoder: Encoder) -> None:
    codes = encoder.vocabularies["kind"]
    mean = float(np.mean(frame()["is_made"].to_numpy()))
    assert codes["good"] == pytest.approx((80 + 20 * mean) / 120)
    assert codes["bad"] < mean < codes["good"]
    assert "rare" not in codes


def test_unseen_rare_and_missing_categories_are_missing(encoder: Encoder) -> None:
    asked = pl.DataFrame({"x": [1.0] * 4, "kind": ["good", "never seen", "rare", None]})
    column = encoder.matrix(asked)[:, 1]
    assert np.isnan(column).tolist() == [False, True, True, True]


def test_absent_columns_and_nulls_are_missing(encoder: Encoder) -> None:
    matrix = encoder.matrix(pl.DataFrame({"x": [1.0, None]}))
    assert matrix.shape == (2, 4)
    assert matrix.dtype == np.float32
    assert np.isnan(matrix).tolist() == [[False, True, True, True], [True, True, True, True]]


def test_a_context_is_withheld_when_all_of_it_is_missing(encoder: Encoder) -> None:
    assert encoder.optional_contexts == ("action", "who")
    asked = pl.DataFrame(
        {"x": [1.0] * 3, "kind": ["bad", None, "bad"], "skill": [None, 1.0, 1.0], "form": [None, None, 2]}
    )
    assert encoder.withheld(encoder.matrix(asked)).tolist() == [[False, True], [True, False], [False, False]]


def test_withholding_touches_the_masked_cells_only(encoder: Encoder) -> None:
    matrix = encoder.matrix(frame().head(3))
    mask = np.array([[True, False], [False, True], [False, False]])
    masked = encoder.withhold(matrix, mask)
    assert np.isnan(masked).tolist() == [[False, True, False, False], [False, False, True, True], [False] * 4]
    assert not np.isnan(matrix).any()
    assert np.array_equal(encoder.withheld(masked), mask)


def test_a_feature_that_needs_two_contexts_is_withheld_with_either() -> None:
    both = Feature("both", "needs two", "", KnownAt.PRE_GAME, "first", pl.col("both"), also_needs=("second",))
    other = Feature("other", "needs one", "", KnownAt.PRE_GAME, "second", pl.col("other"))
    frame = pl.DataFrame({"both": [1.0, 2.0], "other": [3.0, 4.0], "label": [0, 1]})
    encoder = Encoder.fit((both, other), frame, "label", "always")
    matrix = encoder.matrix(frame)
    without_second = encoder.withhold(matrix, np.array([[False, True], [False, False]]))
    assert np.isnan(without_second[0]).all()
    assert not np.isnan(without_second[1]).any()
