"""When the loop reports and retrains: each rule, and what holds whatever happens."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.adaptation import (
    Cause,
    ChallengerHeader,
    LoopPolicy,
    ReportHeader,
    Retraining,
    Situation,
    report_due,
    retraining_due,
)

OPENING = dt.date(2023, 10, 20)
POLICY = LoopPolicy()


def day(number: int) -> dt.date:
    """Return the game day of that number; every fourth date has no games."""
    return OPENING + dt.timedelta(days=number + number // 3)


def days(count: int) -> tuple[dt.date, ...]:
    return tuple(day(number) for number in range(count))


def trained(until: int, cause: Cause = Cause.SEASON_OVER, **changes: object) -> ChallengerHeader:
    header = ChallengerHeader(f"model{until}", day(until), cause, None, None, is_champion=False)
    return replace(header, **changes)  # type: ignore[arg-type]


def reported(last: int, since: int | None = None, digest: str = "report") -> ReportHeader:
    moved = since is not None
    return ReportHeader(digest, 2024, day(last), "concept" if moved else "none", moved, day(since) if moved else None)


def situation(count: int, **changes: object) -> Situation:
    champion = trained(0, is_champion=True)
    given_ = Situation(
        target="game",
        game_days=days(count),
        season_ended=None,
        last_game_of_ended_season=None,
        champion=champion.digest,
        challenger=champion,
        report=None,
        verdict_now="none",
        acknowledged_until=None,
        champion_header=champion,
    )
    return replace(given_, **changes)  # type: ignore[arg-type]


def cause_of(found: Retraining | None) -> Cause | None:
    return found.cause if found else None


def test_without_a_game_nothing_is_due() -> None:
    empty = situation(0, champion=None, challenger=None, champion_header=None)
    assert report_due(empty, POLICY) is None
    assert retraining_due(empty, POLICY) is None


def test_a_target_without_models_gets_one() -> None:
    found = retraining_due(situation(3, champion=None, challenger=None, champion_header=None), POLICY)
    assert found == Retraining(
        "game", day(2), None, Cause.FIRST, None, "game/first", "there is no champion and no challenger"
    )


def test_a_challenger_without_a_champion_is_not_made_again() -> None:
    assert retraining_due(situation(90, champion=None, champion_header=None), POLICY) is None


def test_a_season_that_is_over_is_learnt_once() -> None:
    over = situation(50, season_ended=2024, last_game_of_ended_season=day(49))
    found = retraining_due(over, POLICY)
    assert found is not None
    assert (found.cause, found.until, found.key) == (Cause.SEASON_OVER, day(49), "game/season_over/2024")
    assert retraining_due(replace(over, challenger=trained(49)), POLICY) is None
    assert retraining_due(replace(over, challenger=trained(48)), POLICY) is not None


def test_a_report_is_answered_when_its_change_has_settled() -> None:
    moved = {"report": reported(last=32, since=30), "verdict_now": "concept"}
    assert retraining_due(situation(35, **moved), POLICY) is None
    found = retraining_due(situation(36, **moved), POLICY)
    assert found is not None
    assert (found.cause, found.change_date, found.report) == (Cause.CONCEPT, day(30), "report")
    assert found.key == "game/concept/report"


def test_a_report_waits_for_the_cool_down_and_is_then_answered() -> None:
    moved = {"report": reported(last=32, since=20), "challenger": trained(25, Cause.CONCEPT)}
    assert retraining_due(situation(35, **moved), POLICY) is None
    assert cause_of(retraining_due(situation(36, **moved), POLICY)) == Cause.CONCEPT


def test_a_report_without_a_first_day_waits_for_nothing_to_settle() -> None:
    found = retraining_due(situation(33, report=replace(reported(32, 30), since=None)), POLICY)
    assert found is not None
    assert (found.cause, found.change_date) == (Cause.CONCEPT, None)


@pytest.mark.parametrize("answered", [{"until": 32, "report": "report"}, {"until": 33}])
def test_a_report_that_was_answered_is_answered_no_more(answered: dict[str, object]) -> None:
    until = int(str(answered.pop("until")))
    asked = situation(90, report=reported(32, 30), challenger=trained(until, Cause.CONCEPT, **answered))
    assert retraining_due(asked, POLICY) is None


def test_a_change_is_learnt_again_at_12_24_and_48_game_days() -> None:
    challenger = trained(35, Cause.CONCEPT, change_date=day(30), report="report", is_champion=True)
    seen = []
    for count in range(36, 140):
        now = situation(count, report=reported(32, 30), challenger=challenger, champion_header=challenger)
        found = retraining_due(now, POLICY)
        if found is not None:
            seen.append((found.cause, now.days_from(day(30))))
            assert found.report == "report"
            challenger = trained(count - 1, Cause.FOLLOW_UP, change_date=day(30), report="report", is_champion=True)
    assert seen == [(Cause.FOLLOW_UP, 12), (Cause.FOLLOW_UP, 24), (Cause.FOLLOW_UP, 48)]


@pytest.mark.parametrize("newer", [{}, {"last": 60, "digest": "newer"}])
def test_a_challenger_that_learnt_a_change_has_time_to_prove_itself(newer: dict[str, object]) -> None:
    waiting = trained(35, Cause.CONCEPT, change_date=day(30), report="report")
    moved = {"report": replace(reported(32, 30), **{"last_date": day(60), "digest": "newer"} if newer else {})}
    last_night = 35 + POLICY.patience_game_days
    assert retraining_due(situation(last_night, challenger=waiting, **moved), POLICY) is None
    assert retraining_due(situation(last_night + 1, challenger=waiting, **moved), POLICY) is not None


def test_a_change_that_is_no_longer_reported_and_convinced_no_gate_is_let_go() -> None:
    challenger = trained(35, Cause.CONCEPT, change_date=day(30), report="report")
    back = situation(60, report=reported(40, digest="back"), challenger=challenger)
    assert retraining_due(back, POLICY) is None
    promoted = replace(challenger, is_champion=True)
    assert cause_of(retraining_due(replace(back, challenger=promoted), POLICY)) == Cause.FOLLOW_UP


def test_a_newer_report_goes_before_following_up() -> None:
    challenger = trained(41, Cause.CONCEPT, change_date=day(30), report="report", is_champion=True)
    now = situation(52, report=reported(45, 42, digest="newer"), challenger=challenger, champion_header=challenger)
    found = retraining_due(now, POLICY)
    assert found is not None
    assert (found.cause, found.change_date) == (Cause.CONCEPT, day(42))


def test_a_report_that_waits_holds_back_following_up_an_older_change() -> None:
    challenger = trained(41, Cause.CONCEPT, change_date=day(30), report="report", is_champion=True)
    waiting = situation(58, report=reported(56, 55, digest="newer"), challenger=challenger, champion_header=challenger)
    assert retraining_due(waiting, POLICY) is None
    assert cause_of(retraining_due(replace(waiting, report=reported(32, 30)), POLICY)) == Cause.FOLLOW_UP


def test_a_season_over_training_learns_the_change_that_is_known() -> None:
    over = {"season_ended": 2024, "last_game_of_ended_season": day(49)}
    open_report = retraining_due(situation(50, report=reported(48, 47), **over), POLICY)
    assert open_report is not None
    assert (open_report.cause, open_report.change_date, open_report.report) == (Cause.SEASON_OVER, day(47), "report")
    learnt = trained(45, Cause.CONCEPT, change_date=day(40), report="older", is_champion=True)
    carried = retraining_due(situation(50, challenger=learnt, champion_header=learnt, **over), POLICY)
    assert carried is not None
    assert (carried.change_date, carried.report) == (day(40), "older")


def test_an_acknowledged_change_is_left_alone_until_the_day_after() -> None:
    moved = situation(40, report=reported(32, 30))
    assert cause_of(retraining_due(replace(moved, acknowledged_until=day(38)), POLICY)) == Cause.CONCEPT
    assert retraining_due(replace(moved, acknowledged_until=day(39)), POLICY) is None
    over = replace(moved, acknowledged_until=day(60), season_ended=2024, last_game_of_ended_season=day(39))
    found = retraining_due(over, POLICY)
    assert found is not None
    assert (found.cause, found.change_date) == (Cause.SEASON_OVER, None)


def test_a_relation_that_moved_is_reported_at_once_and_one_that_came_back_after_the_cool_down() -> None:
    assert report_due(situation(3), POLICY) is None
    newly = report_due(situation(3, verdict_now="concept"), POLICY)
    assert newly == "the daily monitoring says concept, the newest report says none"
    back = {"verdict_now": "none", "report": reported(10, 5)}
    assert report_due(situation(10 + POLICY.cool_down_game_days, **back), POLICY) is None
    assert report_due(situation(11 + POLICY.cool_down_game_days, **back), POLICY) is not None
    assert report_due(situation(12, verdict_now="concept", report=reported(10, 5)), POLICY) is None


def test_inputs_that_moved_are_reported_at_once_and_when_they_are_back_with_the_next_report() -> None:
    assert "says input" in str(report_due(situation(12, verdict_now="input", report=reported(10)), POLICY))
    inputs = replace(reported(10), verdict="input")
    assert report_due(situation(40, report=inputs), POLICY) is None
    assert report_due(situation(40, verdict_now="input", report=inputs), POLICY) is None
    both = replace(reported(10), verdict="input and concept")
    assert report_due(situation(12, verdict_now="concept", report=both), POLICY) is None
    assert "says input and concept" in str(report_due(situation(21, report=both), POLICY))


def test_broken_data_is_not_reported_every_day() -> None:
    broken = {"verdict_now": "concept", "report": replace(reported(10), verdict="data broken")}
    assert report_due(situation(20, **broken), POLICY) is None
    assert report_due(situation(21, **broken), POLICY) is not None


def test_nothing_goes_unreported_for_longer_than_agreed() -> None:
    assert report_due(situation(60), POLICY) is None  # the first day was learnt
    assert report_due(situation(61), POLICY) == "60 game days are not reported on"
    assert report_due(situation(90, report=reported(30)), POLICY) is None
    assert report_due(situation(91, report=reported(30)), POLICY) is not None


def test_a_season_that_is_over_is_reported() -> None:
    over = situation(50, report=reported(48), season_ended=2024, last_game_of_ended_season=day(49))
    assert "season 2024 is over" in str(report_due(over, POLICY))
    assert report_due(replace(over, report=reported(49)), POLICY) is None
    assert report_due(replace(over, report=reported(49), game_days=days(52)), POLICY) is None
    learnt = trained(49, is_champion=True)
    assert report_due(replace(over, champion_header=learnt), POLICY) is None


def test_a_last_game_day_is_reported_once_whatever_the_monitoring_says() -> None:
    assert report_due(situation(11, verdict_now="concept", report=reported(10)), POLICY) is None
    assert report_due(situation(12, verdict_now="concept", report=reported(10)), POLICY) is not None


def test_there_is_no_report_without_a_champion() -> None:
    assert report_due(situation(90, champion=None, champion_header=None, verdict_now="concept"), POLICY) is None


@pytest.mark.parametrize("name", ["report_every_game_days", "cool_down_game_days", "settle_game_days"])
def test_a_pace_without_new_games_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be 1 or more"):
        LoopPolicy(**{name: 0})


EVENTS = st.sampled_from(["", "", "", "moved", "back", "promoted", "acknowledged", "season over", "report again"])


@st.composite
def lives(draw: st.DrawFn) -> tuple[LoopPolicy, list[str]]:
    numbers = st.integers(1, 12)
    policy = LoopPolicy(draw(st.integers(2, 30)), draw(numbers), draw(numbers), draw(st.integers(1, 80)))
    return policy, draw(st.lists(EVENTS, min_size=1, max_size=60))


def after(now: Situation, event: str, number: int) -> Situation:
    """Return the situation of the next game day, after what happened on it."""
    now = replace(now, game_days=days(number + 1))
    header = now.report or reported(0)
    if event == "moved" and number:
        now = replace(now, verdict_now="concept", report=reported(number, number - 1, f"r{number}"))
    elif event == "back":
        now = replace(now, verdict_now="none", report=reported(number, digest=f"r{number}"))
    elif event == "report again":
        now = replace(now, report=replace(header, digest=f"r{number}", last_date=day(number)))
    elif event == "acknowledged":
        now = replace(now, acknowledged_until=day(number + 4))
    elif event == "season over":
        now = replace(now, season_ended=2024 + number, last_game_of_ended_season=day(number))
    elif event == "promoted" and now.challenger:
        promoted = replace(now.challenger, is_champion=True)
        now = replace(now, champion=promoted.digest, challenger=promoted, champion_header=promoted)
    return now


def trained_for(due: Retraining) -> ChallengerHeader:
    return ChallengerHeader(f"{due.key}@", due.until, due.cause, due.change_date, due.report, is_champion=False)


@given(lives())
def test_whatever_happens_no_training_has_the_key_or_the_games_of_another(life: tuple[LoopPolicy, list[str]]) -> None:
    policy, events = life
    now = situation(1, champion=None, challenger=None, champion_header=None)
    keys: list[str] = []
    for number, event in enumerate(events):
        now = after(now, event, number)
        due = retraining_due(now, policy)
        if due is None:
            continue
        assert due.key not in keys
        assert now.challenger is None or now.challenger.trained_until < due.until
        if due.cause in {Cause.CONCEPT, Cause.FOLLOW_UP}:
            assert now.acknowledged_until is None or now.acknowledged_until < day(number)
        keys.append(due.key)
        now = replace(now, challenger=trained_for(due))
        # Judged and rejected, the same day says nothing more.
        assert retraining_due(now, policy) is None


@given(lives(), st.integers(1, 30))
def test_what_is_due_stays_due_with_its_key(life: tuple[LoopPolicy, list[str]], more: int) -> None:
    policy, events = life
    now = situation(1)
    for number, event in enumerate(events):
        now = after(now, event, number)
        due = retraining_due(now, policy)
        if due is not None:
            later = retraining_due(replace(now, game_days=days(number + 1 + more)), policy)
            assert later is not None
            assert (later.key, later.cause) == (due.key, due.cause)
            # What a season-over training learns beside the season may be acknowledged until a later day.
            assert due.cause == Cause.SEASON_OVER or later.change_date == due.change_date
            if number % 2:
                now = replace(now, challenger=trained_for(due))


@given(lives())
def test_no_two_reports_end_on_one_day(life: tuple[LoopPolicy, list[str]]) -> None:
    policy, events = life
    now = situation(1)
    for number, event in enumerate(events):
        now = after(now, event, number)
        if report_due(now, policy) is not None:
            moved = "concept" in now.verdict_now
            now = replace(now, report=reported(number, max(number - 1, 0) if moved else None, f"due{number}"))
            assert report_due(now, policy) is None
