import polars as pl

from parivision_assets.core.features import Feature
from parivision_assets.core.shot_settings import SHOT_CONFIGS
from parivision_assets.core.targets import SHOT_TARGETS, Target


def names(features: tuple[Feature, ...]) -> set[str]:
    return {feature.name for feature in features}


def test_targets_speak_of_columns_that_their_table_has() -> None:
    for name, target in SHOT_TARGETS.items():
        assert target.name == name
        columns = set(target.table.names())
        assert names(target.features) | names(target.offset_features) <= columns
        assert {target.label, target.group} <= columns
        assert set(target.starts) <= names(target.features)
        for key in (key for baseline in target.baselines for key in baseline.keys):
            assert key in columns
        for part in target.slices:
            assert set(part.rows.meta.root_names()) <= columns


def test_the_label_is_no_feature_and_location_is_always_given() -> None:
    for target in SHOT_TARGETS.values():
        assert target.label not in names(target.features)
        assert target.contexts[0] == target.always == "location"
        assert target.has_tracking_offset


def test_starting_rates_end_with_one_that_is_always_known() -> None:
    for target in SHOT_TARGETS.values():
        last = next(feature for feature in target.features if feature.name == target.starts[-1])
        assert last.context == target.always


def test_slices_pick_rows() -> None:
    target: Target = SHOT_TARGETS["shot_pre_release"]
    row = {"points_value": 3.0, "shooter_attempts": 3.0, "quarter": 4.0, "clock_s": 20.0, "fg_margin_pts": -4.0}
    frame = pl.DataFrame([row, row | {"quarter": 3.0, "points_value": 2.0, "shooter_attempts": 900.0}])
    picked = {part.name: frame.select(part.rows.alias("p"))["p"].to_list() for part in target.slices}
    assert picked == {"threes": [True, False], "unseen_players": [True, False], "clutch": [True, False]}


def test_every_family_has_one_config_that_names_its_seasons() -> None:
    assert [config.family for config in SHOT_CONFIGS] == ["logistic_regression", "random_forest", "xgboost"]
    assert all(config.tuned_on_seasons for config in SHOT_CONFIGS)
