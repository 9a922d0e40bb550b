import dataclasses
import datetime as dt
import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.evaluation import score
from parivision_assets.core.evidence import Contest, Evidence, GamePair, SeenGames, SliceLoss, collect_evidence
from parivision_assets.core.promotion import GateConfig, PromotionDecision, Verdict, decide

CONTEST = Contest("shot_pre_release", 2021, "v2", "v1", champion_is_baseline=False, number=1)
SEEN = SeenGames.of([])


def _metrics(*, accuracy=0.62, ece=0.002):
    found = score(np.array([0, 1] * 50), np.array([0.4, 0.6] * 50))
    return dataclasses.replace(found, accuracy=accuracy, ece=ece, ece_null_95=0.0045)


def _evidence(mean=0.005, games=1_200, *, seed=1, sd=0.0072, exact=True, **changes):
    noise = np.random.default_rng(seed).standard_normal(games)
    gains = mean + sd * (noise - noise.mean() if exact and games else noise)
    pairs = tuple(
        GamePair(f"{index:05d}", dt.date(2020, 10, 20) + dt.timedelta(days=index // 8), 175, float(gain), 0.105)
        for index, gain in enumerate(gains)
    )
    whole = Evidence(
        contest=CONTEST,
        games=pairs,
        slices=(SliceLoss("threes", 60_000, games, -0.004, 0.0004),),
        challenger_metrics=_metrics(accuracy=0.631),
        champion_metrics=_metrics(accuracy=0.627),
        challenger_seen=SEEN,
        champion_seen=SEEN,
    )
    return dataclasses.replace(whole, **changes)


def test_a_better_challenger_is_promoted_with_a_sentence_for_a_person():
    decision = decide(_evidence())
    assert decision.verdict is Verdict.PROMOTE
    assert decision.log_e_value > decision.log_e_needed == pytest.approx(math.log(math.pi**2 / 6 / 0.05))
    assert decision.games_needed is None
    assert decision.reason.startswith("v2 is promoted: it loses 0.005")
    assert "1,200 unseen game(s) and 210,000 row(s)" in decision.reason
    assert "1 in 33 required" in decision.reason
    assert "accuracy 0.6310 against 0.6270" in decision.reason


def test_an_equal_challenger_is_kept_out_once_a_gain_would_have_shown():
    decision = decide(_evidence(mean=0.0))
    assert decision.verdict is Verdict.KEEP
    assert decision.power > 0.9
    assert "champion v1 stays" in decision.reason
    assert "not proven better" in decision.reason


def test_a_worse_challenger_is_kept_out_early():
    decision = decide(_evidence(mean=-0.01, games=40))
    assert decision.verdict is Verdict.KEEP
    assert decision.power < 0.9
    assert "more than three standard errors" in decision.reason


def test_few_games_are_not_enough_and_the_number_still_needed_is_right():
    decision = decide(_evidence(mean=0.001, games=60, seed=4))
    assert decision.verdict is Verdict.NOT_ENOUGH_DATA
    assert decision.games_needed is not None
    assert f"about {decision.games_needed:,} more game(s)" in decision.reason
    assert f"{decision.power:.0%}" in decision.reason
    assert 150 < decision.games_needed < 700


def test_games_needed_shrinks_to_nothing_as_games_arrive():
    asked = [decide(_evidence(mean=0.0, games=games)).games_needed for games in (40, 120, 240, 1_200)]
    assert asked[0] > asked[1] > asked[2]
    assert asked[3] is None


@pytest.mark.parametrize("games", [0, 1, 29])
def test_below_the_minimum_of_games_nothing_is_decided(games):
    decision = decide(_evidence(mean=0.05, games=games, sd=0.001))
    assert decision.verdict is Verdict.NOT_ENOUGH_DATA
    assert decision.games_needed >= 30 - games
    assert "Not enough data on v2" in decision.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"challenger_metrics": _metrics(accuracy=0.626)}, "accuracy 0.6260 against 0.6270"),
        ({"challenger_metrics": _metrics(accuracy=0.627)}, "accuracy 0.6270 against 0.6270"),
        ({"challenger_metrics": _metrics(accuracy=0.64, ece=0.0066)}, "calibration error 0.0066"),
        ({"slices": (SliceLoss("clutch", 2_000, 300, 0.0051, 0.001),)}, "slice clutch"),
    ],
)
def test_evidence_alone_does_not_promote(changes, words):
    decision = decide(_evidence(**changes))
    assert decision.verdict is Verdict.KEEP
    assert decision.log_e_value > decision.log_e_needed
    assert words in decision.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"challenger_metrics": _metrics(accuracy=0.64, ece=0.0064)},
        {"slices": (SliceLoss("clutch", 1_999, 300, 0.5, 0.001),)},
        {"slices": (SliceLoss("clutch", 2_000, 300, 0.0049, 0.001),)},
    ],
)
def test_what_is_within_tolerance_or_too_small_to_judge_does_not_block(changes):
    assert decide(_evidence(**changes)).verdict is Verdict.PROMOTE


def test_small_slices_are_reported_and_not_judged():
    decision = decide(_evidence(slices=(SliceLoss("clutch", 50, 10, 0.2, 0.1),)))
    guard = decision.guards[-1]
    assert (guard.name, guard.passed) == ("slice clutch", None)
    assert "too few to judge" in decision.reason


def test_later_challengers_of_a_season_need_more_evidence():
    evidence = _evidence(mean=0.002, games=320, seed=2)
    first = decide(evidence)
    tenth = decide(dataclasses.replace(evidence, contest=dataclasses.replace(CONTEST, number=10)))
    assert first.log_e_value == tenth.log_e_value
    assert tenth.log_e_needed == pytest.approx(first.log_e_needed + math.log(100))
    assert first.verdict is Verdict.PROMOTE
    assert tenth.verdict is not Verdict.PROMOTE


def test_the_first_champion_must_beat_the_baseline_by_the_same_rule():
    contest = dataclasses.replace(CONTEST, champion="zone_mean", champion_is_baseline=True)
    assert decide(_evidence(contest=contest)).verdict is Verdict.PROMOTE
    refused = decide(_evidence(mean=0.0, contest=contest))
    assert refused.verdict is Verdict.KEEP
    assert "baseline zone_mean stays" in refused.reason


def test_a_game_model_is_judged_by_the_games_own_bounds():
    """One row per game: 1,230 games show 0.06 nats (home team always against Elo) and never 0.002."""
    rng = np.random.default_rng(3)
    truth = 1 / (1 + np.exp(-rng.normal(0.4, 0.75, 1_230)))
    rows = pl.DataFrame(
        {
            "game": np.arange(1_230),
            "game_date": [dt.date(2020, 1, 1)] * 1_230,
            "label": rng.random(1_230) < truth,
            "challenger": truth,
            "champion": np.full(1_230, 0.59),
        }
    )
    contest = dataclasses.replace(CONTEST, target="game", champion="home", champion_is_baseline=True)
    assert decide(collect_evidence(rows, contest, [], [])).verdict is Verdict.PROMOTE
    near = rows.with_columns(champion=pl.col("challenger") + 0.01)
    small = decide(collect_evidence(near.with_columns(pl.col("champion").clip(0, 1)), contest, [], []))
    assert small.verdict is not Verdict.PROMOTE


def test_from_rows_to_promotion():
    rng = np.random.default_rng(6)
    games, shots = 400, 60
    logit = rng.normal(-0.15, 0.5, games * shots)
    rows = pl.DataFrame(
        {
            "game": np.repeat(np.arange(games), shots),
            "game_date": [
                dt.date(2021, 1, 1) + dt.timedelta(days=int(i) // 8) for i in np.repeat(np.arange(games), shots)
            ],
            "label": rng.random(games * shots) < 1 / (1 + np.exp(-logit)),
            "challenger": 1 / (1 + np.exp(-logit)),
            "champion": np.full(games * shots, 0.46),
            "threes": rng.random(games * shots) < 0.4,
        }
    )
    decision = decide(collect_evidence(rows, CONTEST, ["a"], ["b"], ["threes"]))
    assert decision.verdict is Verdict.PROMOTE
    swapped = rows.rename({"challenger": "champion", "champion": "challenger"})
    assert decide(collect_evidence(swapped, CONTEST, ["a"], ["b"], ["threes"])).verdict is Verdict.KEEP


def test_a_decision_can_be_taken_again_from_its_record():
    decision = decide(_evidence())
    stored = json.loads(json.dumps(decision.to_dict()))
    read = PromotionDecision.from_dict(stored)
    assert read == decision
    assert decide(read.evidence, read.config) == decision
    assert (stored["verdict"], stored["challenger"], stored["champion"]) == ("promote", "v2", "v1")


def test_false_promotions_over_seasons_of_nightly_looks_stay_below_alpha():
    """The whole gate, guards always passed: 25 seasons, 3 equal challengers each, a look every fifth night."""
    fooled = 0
    for season in range(25):
        verdicts = set()
        for number in (1, 2, 3):
            contest = dataclasses.replace(CONTEST, number=number)
            whole = _evidence(mean=0.0, games=240, seed=1_000 * season + number, exact=False, contest=contest)
            for played in range(40, 241, 40):
                verdicts.add(decide(dataclasses.replace(whole, games=whole.games[:played])).verdict)
        fooled += Verdict.PROMOTE in verdicts
    assert fooled <= 5  # 99.9 % quantile of 25 seasons at 5 %


slice_losses = st.lists(
    st.builds(
        SliceLoss,
        name=st.sampled_from(["threes", "rookies", "clutch"]),
        rows=st.integers(0, 10_000),
        games=st.just(100),
        increase_nats=st.floats(-0.02, 0.02),
        increase_se=st.none(),
    ),
    max_size=4,
).map(tuple)


@given(slices=slice_losses, worse=st.floats(0, 0.05), which=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_worse_slice_never_helps(slices, worse, which):
    before = decide(_evidence(games=60, slices=slices)).verdict
    changed = tuple(
        dataclasses.replace(part, increase_nats=part.increase_nats + worse) if index == which else part
        for index, part in enumerate(slices)
    )
    after = decide(_evidence(games=60, slices=changed)).verdict
    assert after is before or (before, after) == (Verdict.PROMOTE, Verdict.KEEP)


@given(number=st.integers(1, 50), mean=st.floats(-0.01, 0.01), accuracy=st.floats(0.5, 0.7))
@settings(max_examples=60, deadline=None)
def test_promotion_always_rests_on_evidence_and_higher_accuracy(number, mean, accuracy):
    contest = dataclasses.replace(CONTEST, number=number)
    decision = decide(_evidence(mean, 80, contest=contest, challenger_metrics=_metrics(accuracy=accuracy)))
    if decision.verdict is Verdict.PROMOTE:
        assert accuracy > 0.627
        assert decision.log_e_value >= -math.log(decision.level)
    assert decision.reason.endswith(".")
    assert (decision.games_needed is None) == (decision.verdict is not Verdict.NOT_ENOUGH_DATA)


def test_evidence_that_contradicts_itself_is_refused():
    whole = _evidence(games=40)
    with pytest.raises(ValueError, match="order of dates"):
        decide(dataclasses.replace(whole, games=whole.games[::-1]))
    twice = dataclasses.replace(whole.games[0], date=dt.date(2022, 1, 1))
    with pytest.raises(ValueError, match="two dates"):
        decide(dataclasses.replace(whole, games=(*whole.games, twice)))
    beyond = dataclasses.replace(whole.games[0], gain_nats=-0.2)
    with pytest.raises(ValueError, match="impossible"):
        decide(dataclasses.replace(whole, games=(beyond, *whole.games[1:])))


@pytest.mark.parametrize(
    "limits", [{"alpha": 0}, {"target_power": 0.4}, {"worthwhile_nats": 0}, {"slice_tolerance_nats": -1}]
)
def test_limits_that_make_no_sense_are_refused(limits):
    with pytest.raises(ValueError, match=r"must lie|needs a positive"):
        GateConfig(**limits)
