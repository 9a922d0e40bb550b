"""Answers about games to come from one snapshot: any two teams on any date that the state does not know yet."""

from __future__ import annotations

from collections.abc import Sequence

from parivision_assets.core import interval
from parivision_assets.core.game_target import GAME
from parivision_assets.core.questions import Answer, GameQuestion
from parivision_assets.serving.game_rows import TeamsAhead
from parivision_assets.serving.models import ServedModel, chance_of
from parivision_assets.serving.requests import UNKNOWN_TEAM, date_flags
from parivision_assets.serving.rules import QuestionError, check_game
from parivision_assets.serving.snapshot import NotReadyError, ServedState, Snapshot


def answer_games(snapshot: Snapshot, questions: Sequence[GameQuestion]) -> list[Answer]:
    """Return one answer per question, in order: the probability that the home team wins.

    Raises QuestionError for the first that cannot be answered, NotReadyError without a champion or a state of teams.
    """
    model, state = snapshot.champion(GAME.name), snapshot.known_state()
    if state.teams is None:
        raise NotReadyError("the serving state knows no teams: land a season of games, then materialise serving_state")
    for question in questions:
        check_game(question, state.as_of)
        _check_date(question, state.teams)
    return [_answer(model, state, state.teams, question) for question in questions]


def _answer(model: ServedModel, state: ServedState, teams: TeamsAhead, question: GameQuestion) -> Answer:
    date = question.game_date or state.as_of
    known_until = state.known_until(model)
    home = question.home_team if teams.has_played(question.home_team) else None
    away = question.away_team if teams.has_played(question.away_team) else None
    is_unknown = (home, away) != (question.home_team, question.away_team)
    is_named = question.home_team is not None and question.away_team is not None
    features, withheld_set = model.rows.encode(teams.feature_values(date, home, away, question.is_playoffs))
    logit = model.logit(features, withheld_set)
    edge_sd = None
    if home is not None and away is not None:
        edge_sd = interval.strength_edge_sd(teams.morning(date).margins["season"], home, away)
    low, high = interval.game_interval(logit, withheld_set, edge_sd, model.trained.calibration)
    return Answer(
        target=model.target,
        probability=chance_of(logit),
        low=low,
        high=high,
        points_value=None,
        is_known=not is_unknown if is_named or is_unknown else None,
        flags=(*([UNKNOWN_TEAM] if is_unknown else []), *date_flags(date, state.as_of, known_until)),
        model=model.digest,
        decision=model.decision,
        state=state.digest,
        as_of=known_until,
        features=features,
    )


def _check_date(question: GameQuestion, teams: TeamsAhead) -> None:
    newest = teams.newest
    if question.game_date is not None and newest is not None and question.game_date <= newest:
        raise QuestionError(
            "game_date", f"must be after {newest}, the newest game that the state knows",
            "Ask about a game to come; what was said before a past game is in the game predictions.",
        )  # fmt: skip
