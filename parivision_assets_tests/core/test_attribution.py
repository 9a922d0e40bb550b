import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.attribution import attribute
from parivision_assets.core.drift import ColumnHarm, RelationAnswer


def relation(harm, error=0.0004):
    return RelationAnswer(True, harm, error, 20.0, None, (ColumnHarm("zone", harm),), 100, 5, "moved")


def rows(seed, level=0.0, error=0.0, number=4000):
    rng = np.random.default_rng(seed)
    logit = level + rng.normal(0, 0.5, number)
    label = rng.random(number) < 1 / (1 + np.exp(-(logit + error)))
    return pl.DataFrame({
        "probability": 1 / (1 + np.exp(-logit)), "label": label, "game": np.repeat(np.arange(number // 40), 40),
    })  # fmt: skip


@given(seed=st.integers(0, 500), level=st.floats(-2, 2), harm=st.floats(-0.01, 0.05))
def test_parts_add_up_to_the_change(seed, level, harm):
    found = attribute(rows(seed, number=200), rows(seed + 1, level, number=200), relation(harm))
    assert found is not None
    assert found.mix_nats + found.concept_nats + found.noise_nats == pytest.approx(found.change_nats, abs=1e-12)
    assert found.change_nats == pytest.approx(found.current_log_loss - found.reference_log_loss, abs=1e-12)


def test_other_mix_is_mix():
    found = attribute(rows(1), rows(2, level=1.5), relation(0.0))
    assert found.mix_nats < -0.05
    assert abs(found.noise_nats) < 3 * found.change_se
    assert found.mix_se < found.change_se


def test_moved_relation_is_no_mix():
    found = attribute(rows(3), rows(4, error=0.5), relation(0.028))
    assert abs(found.mix_nats) < 3 * found.mix_se
    assert found.concept_nats == 0.028
    assert found.concept_se == 0.0004
    assert found.columns[0].column == "zone"


def test_nothing_to_compare_is_no_attribution():
    assert attribute(None, rows(5), relation(0.0)) is None
    assert attribute(rows(5).clear(), rows(5), relation(0.0)) is None
    pending = rows(5).with_columns(label=pl.lit(None, pl.Boolean))
    assert attribute(rows(5), pending, relation(0.0)) is None


def test_one_class_one_game_and_certainty_are_survived():
    sure = rows(6).with_columns(label=pl.lit(value=True), probability=pl.lit(1.0), game=pl.lit("only"))
    found = attribute(rows(7), sure, relation(0.0, None))
    assert found.current_log_loss == pytest.approx(0.0, abs=1e-12)
    assert found.change_se is None
    assert found.concept_se is None


def test_missing_column_is_named():
    with pytest.raises(ValueError, match="reference rows without column\\(s\\) game"):
        attribute(rows(8).drop("game"), rows(8), relation(0.0))
