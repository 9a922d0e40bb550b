"""What a challenger is trained on, until a date or before a held-out season, and what is said of dates that misfit."""

import datetime as dt
import os
import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.adaptation import Cause
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.defs.model_figures import check_results, selection_figures
from parivision_assets.defs.training_plan import ChallengerConfig, chosen_configs, plan_training
from parivision_assets.stores.bundled_models import bundle_model, trained_until
from parivision_assets.stores.champions import seen_games, shadow
from parivision_assets_tests.model_platform import FAST, TARGET, model_platform, retrain
from parivision_assets_tests.small_platform import SmallPlatform, import_foreign_libraries

FIRST_DAYS = {season: dt.date(season - 1, 11, 1) for season in range(2015, 2022)}


@pytest.mark.parametrize(
    ("until", "newest_n", "seasons"),
    [
        ("2020-11-01", 5, (2017, 2018, 2019, 2020, 2021)),
        ("2020-10-31", 5, (2016, 2017, 2018, 2019, 2020)),
        ("2020-11-01", None, tuple(range(2015, 2022))),
        ("2014-11-01", 5, (2015,)),
    ],
)
def test_the_newest_seasons_with_games_until_then_train_the_one_under_way_counted(
    until: str, newest_n: int | None, seasons: tuple[int, ...]
) -> None:
    plan = plan_training(ChallengerConfig(until=until), FIRST_DAYS, newest_n)
    assert plan.training_seasons == seasons
    assert plan.holdout_season is None


@given(st.dates(dt.date(2014, 11, 1), dt.date(2021, 10, 31)), st.integers(1, 9))
def test_no_training_row_is_later_than_until(until: dt.date, newest_n: int) -> None:
    days = [dt.date(2014, 11, 1) + dt.timedelta(days=17 * n) for n in range(160)]
    rows = pl.DataFrame({"game_date": days, "season": [day.year + (day.month > 10) for day in days]})
    plan = plan_training(ChallengerConfig(until=until.isoformat()), FIRST_DAYS, newest_n)
    kept = rows.filter(plan.training_rows)
    assert kept["game_date"].max() <= until  # type: ignore[operator]
    assert kept["season"].n_unique() <= newest_n
    since = FIRST_DAYS[plan.training_seasons[0]]
    assert kept.height == rows.filter(pl.col("game_date").is_between(since, until)).height


def test_without_until_a_season_is_held_out() -> None:
    plan = plan_training(ChallengerConfig(), FIRST_DAYS, 2)
    assert (plan.training_seasons, plan.holdout_season) == ((2019, 2020), 2021)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"until": "yesterday"}, "until is 'yesterday', which is not a date: give it as YYYY-MM-DD"),
        ({"until": "2020-02-30"}, "until is '2020-02-30', which is not a date"),
        ({"until": "2014-10-31"}, r"no game was played up to 2014-10-31 \(until\): the first is on 2014-11-01"),
        ({"until": "2020-11-05", "change_date": "soon"}, "change_date is 'soon', which is not a date"),
        ({"until": "2020-11-05", "change_date": "2020-11-06"}, "change_date 2020-11-06 is after until 2020-11-05"),
        ({"until": "2020-11-05", "holdout_season": 2020}, "until and holdout_season exclude one another"),
        ({"until": "2019-11-05", "training_seasons": [2020, 2021]}, r"in training season\(s\) \[2021\]"),
        ({"cause": "boredom"}, "cause 'boredom' is none of first, season_over, concept, follow_up"),
    ],
)
def test_dates_that_do_not_fit_are_refused_in_words(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(dg.Failure, match=words):
        plan_training(ChallengerConfig(**settings), FIRST_DAYS, 5)


def test_the_change_reaches_every_family() -> None:
    config = ChallengerConfig(until="2020-11-20", change_date="2020-11-10", families=["xgboost", "random_forest"])
    plan = plan_training(config, FIRST_DAYS, 5)
    found = chosen_configs(TARGETS[TARGET], config, plan, 1)
    assert {made.change_date for made in found} == {dt.date(2020, 11, 10)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    before = dict(os.environ)
    import_foreign_libraries()
    yield model_platform(tmp_path_factory.mktemp("until"))
    os.environ.clear()
    os.environ.update(before)


def asked(**settings: Any) -> dict[str, Any]:
    fast = FAST[f"{TARGET}_challenger"]["config"]
    return {f"{TARGET}_challenger": {"config": fast | settings}}


def trained(small: SmallPlatform, **settings: Any):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return retrain(small, asked(**settings))


LOOP = {"until": "2021-11-20", "change_date": "2021-11-12", "cause": "concept", "report": "r" * 64}


def test_a_challenger_learns_until_then_and_is_judged_on_what_follows(small: SmallPlatform) -> None:
    result = trained(small, **LOOP)
    assert result.succeeded, result.problems
    (entry,) = small.home.ledger.records(TARGET)
    judged_on = entry.content()["evidence"]["games"]
    assert (judged_on["first_date"], judged_on["count"]) == ("2021-11-21", 80)
    assert shadow(small.home, TARGET) is None
    bundle = small.home.bundles.read_bundle(small.home.registry.aliased(TARGET, "challenger")[1])
    assert trained_until(bundle) == dt.date(2021, 11, 20)
    assert {name: bundle.metadata[name] for name in ("change_date", "cause", "report")} == {
        "change_date": "2021-11-12", "cause": "concept", "report": "r" * 64,
    }  # fmt: skip
    model = bundle_model(bundle)
    assert model.train_seasons == (2021, 2022)
    assert model.config.change_date == dt.date(2021, 11, 12)
    assert len(seen_games(bundle)) == 160 + 80


def test_the_same_inputs_give_the_same_bundle_and_another_cause_another(small: SmallPlatform) -> None:
    def digest(**settings: Any) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = retrain(small, asked(**LOOP | settings), part="challenger")
        assert result.succeeded, result.problems
        return str(small.home.registry.aliased(TARGET, "challenger")[1])

    assert digest() == digest() != digest(cause=Cause.FOLLOW_UP.value)


def test_a_change_after_the_newest_game_is_refused_in_words(small: SmallPlatform) -> None:
    result = trained(small, until="2022-06-01", change_date="2022-05-01")
    assert not result.succeeded
    assert "no training row is dated on or after the change (2022-05-01); the newest is of 2021-12-10" in str(
        result.problems
    )


def test_checks_of_a_model_without_unseen_games_are_judged_on_the_selection_split(small: SmallPlatform) -> None:
    from parivision_assets.core.challenger import selection_split, train_challenger

    target = TARGETS[TARGET]
    training = small.home.tables.read(target.table.name, ["2021", "2022"])
    plan = plan_training(ChallengerConfig(**LOOP), {2021: dt.date(2020, 11, 1), 2022: dt.date(2021, 11, 1)}, 5)
    config = ChallengerConfig(families=["logistic_regression"], **LOOP)
    made = train_challenger(target, training, chosen_configs(target, config, plan, 1))
    checked = selection_figures(small.home, target, made, training)
    _, held = selection_split(training)
    assert (checked.split, checked.season) == ("selection", 2022)
    assert {metrics.n for metrics in checked.figures.values()} == {held.height}
    assert checked.figures["challenger"] == made.chosen.metrics
    assert {check.check_name: check.passed for check in check_results(target, checked)} == {
        "beats_baseline": True, "calibrated": True, "no_leak": True,
    }  # fmt: skip
