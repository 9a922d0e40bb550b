"""Looks at a challenger, night after night: on which games, what of them is recorded, and who is in shadow."""

import dataclasses
import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.evidence import Evidence, SliceLoss
from parivision_assets.core.model_files import to_files
from parivision_assets.core.promotion import GateConfig, Verdict, decide
from parivision_assets.core.training import TrainingConfig, fit
from parivision_assets.stores import champions
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.bundled_models import bundle_model, trained_until
from parivision_assets.stores.chain import Entry, Kind
from parivision_assets.stores.champions import (
    bundle_files,
    is_news,
    judge,
    look,
    newest_challenger,
    paired_rows,
    rival_probability,
    shadow,
)
from parivision_assets.stores.home import Home
from parivision_assets_tests.model_platform import TARGET, model_platform, shots

ALL = {season: shots(season) for season in (2021, 2022, 2023)}
FEATURES = pl.concat(ALL.values())
SHOTS = TARGETS[TARGET]
WEAK, STRONG = 1e-5, 1.0
OPENING = dt.date(2021, 11, 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return a home without MLflow: what follows the ledger there is tested in test_champions and test_following."""
    monkeypatch.setattr(champions, "follow_ledger", lambda home, target: home.ledger.champion(target).model)
    return model_platform(tmp_path).home


def day(number: int) -> dt.date:
    return OPENING + dt.timedelta(days=number)


def trained(home: Home, until: dt.date, c: float, **metadata: Any) -> str:
    """Return the digest of a model of all rows until a date."""
    rows = FEATURES.filter(pl.col("game_date") <= until)
    model = fit(SHOTS, rows, TrainingConfig("logistic_regression", {"c": c}, folds=0, n_jobs=1))
    content = {
        "target": TARGET,
        "train_seasons": list(model.train_seasons),
        "trained_until": str(rows["game_date"].max()),
        "change_date": None,
        "cause": "first",
        "report": None,
    }
    games = rows["game_id"].unique().cast(pl.String).to_list()
    return home.bundles.write_bundle(bundle_files(to_files(model), games), content | metadata).digest


def judged(home: Home, challenger: str, last: dt.date):
    """Let the gate look once all games up to a date are known."""
    games = FEATURES.filter(pl.col("game_date") <= last)
    training = FEATURES.filter(pl.col("game_date") <= trained_until(home.bundles.read_bundle(challenger)))
    return judge(home, SHOTS, challenger, games, training, "tester")


def enthroned(home: Home, digest: str) -> str:
    """Make a model champion without a contest."""
    payload = {"verdict": "promote", "season": 2022, "challenger": digest, "champion": "zone_mean"}
    home.ledger.append(Entry(Kind.DECISION, TARGET, "tester", "to begin with", payload), home.ledger.head())
    return digest


@pytest.fixture
def champion(home: Home) -> str:
    """Return a weak champion."""
    return enthroned(home, trained(home, day(-100), WEAK))


def entries(home: Home, challenger: str) -> list[tuple[int, str]]:
    contents = [record.content() for record in home.ledger.records(TARGET)]
    return [(found["season"], found["verdict"]) for found in contents if found.get("challenger") == challenger]


def test_a_challenger_waits_in_shadow_until_it_is_proven_and_only_changes_are_recorded(
    home: Home, champion: str
) -> None:
    strong = trained(home, day(9), STRONG)
    looks = [judged(home, strong, day(number)) for number in range(9, 40)]
    verdicts = [found.decision.verdict for found in looks]
    assert verdicts[0] is Verdict.NOT_ENOUGH_DATA
    assert verdicts[-1] is Verdict.PROMOTE
    turned = [number for number, pair in enumerate(pairwise(verdicts)) if pair[0] != pair[1]]
    assert [number for number, found in enumerate(looks) if found.is_new] == [0, *(number + 1 for number in turned)]
    assert len(entries(home, strong)) == 1 + len(turned)
    # The decision is tonight's even where nothing is recorded.
    assert [len(found.decision.evidence.games) for found in looks[:4]] == [0, 4, 8, 12]
    assert looks[0].champion_digest == champion
    assert looks[-1].champion_digest == strong


def test_no_game_is_not_enough_data_in_the_season_of_the_newest_training_row(home: Home, champion: str) -> None:
    strong = trained(home, day(20), STRONG)
    found = judged(home, strong, day(20))
    assert found.is_new
    assert found.decision.verdict is Verdict.NOT_ENOUGH_DATA
    assert found.decision.evidence.contest.season == 2022
    assert "no game that neither model has seen" in found.decision.reason


@pytest.mark.parametrize("champion_later", [False, True])
def test_only_games_after_both_models_newest_row_are_evidence(home: Home, *, champion_later: bool) -> None:
    older, newer = trained(home, day(-100), WEAK), trained(home, day(15), STRONG)
    first, second = (newer, older) if champion_later else (older, newer)
    enthroned(home, first)
    games = judged(home, second, day(39)).decision.evidence.games
    assert min(game.date for game in games) == day(16)
    assert len(games) == (39 - 15) * 4


def test_a_look_from_recorded_predictions_equals_the_judgement_from_feature_tables(home: Home, champion: str) -> None:
    strong = trained(home, day(9), STRONG)
    models = [bundle_model(home.bundles.read_bundle(digest)) for digest in (strong, champion)]
    nights = [FEATURES.filter(pl.col("game_date") == day(number)) for number in range(5, 22)]
    served = [paired_rows(SHOTS, rows, *(model.predict(rows) for model in models)) for rows in nights]
    looked = look(home, SHOTS, strong, pl.concat(reversed(served)).sample(fraction=1.0, shuffle=True, seed=1))
    assert is_news(home.ledger.records(TARGET), looked)
    before = home.ledger.head()
    found = judged(home, strong, day(21))
    assert found.decision.evidence.digest() == looked.evidence.digest()
    assert found.decision == looked
    assert found.record.previous_digest == before.digest


def test_the_last_bits_of_a_prediction_do_not_change_the_evidence(home: Home, champion: str) -> None:
    """A batch of another size may round the last bit differently."""
    strong = trained(home, day(9), STRONG)
    games = FEATURES.filter(pl.col("game_date").is_between(day(10), day(20)))
    rival = rival_probability(home, SHOTS, games, games)
    exact = bundle_model(home.bundles.read_bundle(strong)).predict(games)
    digests = {
        look(home, SHOTS, strong, paired_rows(SHOTS, games, chance, rival)).evidence.digest()
        for chance in (exact, np.nextafter(exact, 1), np.nextafter(exact, 0))
    }
    assert len(digests) == 1


def test_the_newest_challenger_is_in_shadow_until_promoted_or_superseded(home: Home, champion: str) -> None:
    assert newest_challenger(home, TARGET).is_champion
    assert shadow(home, TARGET) is None
    first = trained(home, day(9), WEAK)
    judged(home, first, day(9))
    change = {"change_date": "2021-11-05", "cause": "concept", "report": "abc"}
    second = trained(home, day(11), STRONG, **change)
    judged(home, second, day(11))
    judged(home, first, day(12))
    found = shadow(home, TARGET)
    assert found is not None
    assert (found.digest, found.trained_until, found.cause) == (second, day(11), "concept")
    assert (found.change_date, found.report, found.is_champion) == (day(4), "abc", False)
    assert judged(home, second, day(39)).decision.verdict is Verdict.PROMOTE
    assert shadow(home, TARGET) is None
    assert newest_challenger(home, TARGET).digest == second


def test_before_the_first_look_there_is_no_challenger(home: Home) -> None:
    assert newest_challenger(home, TARGET) is None
    assert shadow(home, TARGET) is None


def test_a_rollback_is_not_undone_by_the_next_nights_look(home: Home, champion: str) -> None:
    strong = trained(home, day(9), STRONG)
    assert judged(home, strong, day(39)).champion_digest == strong
    rollback = Entry(Kind.ROLLBACK, TARGET, "tester", "odd forecasts", {"champion": champion})
    home.ledger.append(rollback, home.ledger.head())
    again = judged(home, strong, day(39))
    assert not again.is_new
    assert again.champion_digest == champion
    assert shadow(home, TARGET) is None


def test_a_pair_gets_a_number_of_its_own_in_every_season(home: Home, champion: str) -> None:
    """The season's error level is shared by number, so the first look of a season is recorded whatever it says."""
    other, same = trained(home, day(9), WEAK), trained(home, day(10), WEAK)
    for digest in (other, same):
        judged(home, digest, day(10))
    numbers = [judged(home, digest, day(10)).decision.evidence.contest.number for digest in (other, same)]
    assert numbers == [2, 3]
    later = [judged(home, digest, dt.date(2022, 11, 3)) for digest in (same, other)]
    assert [found.decision.evidence.contest.number for found in later] == [1, 2]
    assert [found.decision.evidence.contest.season for found in later] == [2023, 2023]
    assert all(found.is_new for found in later)
    assert not judged(home, same, dt.date(2022, 11, 4)).is_new


def test_a_bundle_that_does_not_say_until_when_it_was_trained_is_refused_in_words(home: Home) -> None:
    old = trained(home, day(9), STRONG, trained_until=None)
    with pytest.raises(StoreError, match="does not say until when it was trained; train it again"):
        judged(home, old, day(20))


def test_a_challenger_that_a_guard_held_back_may_be_promoted_on_a_later_night(
    home: Home, champion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strong = trained(home, day(9), STRONG)
    strict = GateConfig(calibration_tolerance=0.0, slice_tolerance_nats=0.0)
    with monkeypatch.context() as patched:
        patched.setattr(champions, "decide", lambda evidence: decide(held_back(evidence), strict))
        kept = judged(home, strong, day(38))
    assert kept.decision.verdict is Verdict.KEEP
    assert "slice threes" in kept.decision.reason
    later = judged(home, strong, day(39))
    assert later.is_new
    assert later.champion_digest == strong
    assert [verdict for _, verdict in entries(home, strong)] == ["keep", "promote"]


def held_back(evidence: Evidence) -> Evidence:
    """Return the evidence with one slice in which the challenger is far worse."""
    return dataclasses.replace(evidence, slices=(SliceLoss("threes", 5_000, 100, 1.0, 0.01),))
