"""The situation as the stores have it: game days, which season is over, what the daily monitoring says."""

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.contracts import SCHEDULE
from parivision_assets.core.monitor import relation
from parivision_assets.core.monitoring_tables import PREDICTION_OUTCOMES
from parivision_assets.core.outcomes import event_key
from parivision_assets.stores import monitoring
from parivision_assets.stores.home import Home
from parivision_assets.stores.monitoring import fold_watch
from parivision_assets.stores.situation import game_days_by_season, season_ended, situation
from parivision_assets_tests.model_platform import TARGET, filled_out, model_platform, shots

SHOT = TARGETS[TARGET]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return model_platform(tmp_path).home


def coming(home: Home, *dates: dt.date) -> None:
    """Publish the schedule of 2022 with games on these dates."""
    rows = filled_out(SCHEDULE, {"season": 2022, "game_date": list(dates)}, len(dates))
    home.tables.write(SCHEDULE.name, 2022, rows)


def test_game_days_are_those_with_outcomes(home: Home) -> None:
    found = game_days_by_season(home, SHOT)
    assert list(found) == ["2021", "2022"]
    assert (found["2022"][0], len(found["2022"])) == (dt.date(2021, 11, 1), 40)


def test_a_season_is_over_when_the_next_has_begun_or_nothing_is_to_come(home: Home) -> None:
    seasons = game_days_by_season(home, SHOT)
    last = seasons["2022"][-1]
    assert season_ended(home, {}) is None
    assert season_ended(home, {"2021": seasons["2021"]}) is None
    assert season_ended(home, seasons) == "2021"
    coming(home, last, last + dt.timedelta(days=1))
    assert season_ended(home, seasons) == "2021"
    coming(home, last)
    assert season_ended(home, seasons) == "2022"


def test_an_installation_without_models_has_a_situation(home: Home) -> None:
    found = situation(home, TARGET)
    assert (found.champion, found.challenger, found.report, found.verdict_now) == (None, None, None, "none")
    assert (found.season_ended, found.last_game_of_ended_season) == (2021, dt.date(2020, 12, 10))
    assert len(found.game_days) == 80


def served(home: Home, season: int, champion: str, chance: float) -> None:
    """Publish scored predictions of a season, all with one probability."""
    features = shots(season)
    columns: dict[str, Any] = {
        "prediction_id": [f"{season}-{number}" for number in range(features.height)],
        "target": TARGET, "role": "champion", "model": champion, "probability": np.full(features.height, chance),
        "event": features.select(event_key(SHOT)).to_series(), "game": features["game_id"].cast(pl.String),
        "game_date": features["game_date"], "as_of": features["game_date"] - pl.duration(days=1),
        "state": "scored", "outcome": features["is_made"], "earlier_outcome": None, "label_delay_days": 1,
    }  # fmt: skip
    columns["as_of"] = [day - dt.timedelta(days=1) for day in features["game_date"]]
    frame = pl.DataFrame(columns).with_columns(known_on=pl.col("game_date"))
    home.tables.write(PREDICTION_OUTCOMES.name, season, PREDICTION_OUTCOMES.conform(frame))


def champion(home: Home) -> str:
    return home.bundles.write_bundle({}, {"target": TARGET}).digest


def test_the_monitor_sees_every_scored_day_and_says_whether_the_relation_moved(home: Home) -> None:
    digest = champion(home)
    assert relation(fold_watch(home, SHOT, digest).monitor).game_days == 0
    served(home, 2021, digest, 0.95)
    found = fold_watch(home, SHOT, digest).monitor
    assert (found.champion, found.game_days, found.last_day) == (digest, 40, dt.date(2020, 12, 10))
    assert relation(found).moved


def test_a_season_that_is_as_it_was_is_not_observed_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = champion(home)
    served(home, 2021, digest, 0.5)
    served(home, 2022, digest, 0.5)
    observed: list[str] = []
    real = monitoring._observe_season

    def watched(home: Home, target: Any, monitor: Any, season: str) -> Any:
        observed.append(season)
        return real(home, target, monitor, season)

    monkeypatch.setattr(monitoring, "_observe_season", watched)
    first = fold_watch(home, SHOT, digest)
    assert fold_watch(home, SHOT, digest).to_dict() == first.to_dict()
    assert observed == ["2021", "2022"]
    served(home, 2022, digest, 0.4)
    assert fold_watch(home, SHOT, digest).to_dict() != first.to_dict()
    assert observed == ["2021", "2022", "2022"]
    served(home, 2021, digest, 0.4)
    fold_watch(home, SHOT, digest)
    assert observed[3:] == ["2021", "2022"]
    assert fold_watch(home, SHOT, digest, "2021").monitor.last_day == dt.date(2020, 12, 10)


def test_the_verdict_of_the_day_is_the_monitors(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = champion(home)
    served(home, 2021, digest, 0.95)
    ledger = SimpleNamespace(champion=lambda _target: SimpleNamespace(model=digest), records=lambda _target: [])
    monkeypatch.setitem(home.__dict__, "ledger", ledger)
    found = situation(home, TARGET)
    assert (found.champion, found.verdict_now, found.champion_header) == (digest, "concept", None)
