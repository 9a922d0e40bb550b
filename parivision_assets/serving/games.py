"""Answers about games to come from one snapshot: any two teams on any date that the state does not know yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl

from parivision_assets.core import interval, ratings
from parivision_assets.core.calibration import sigmoid
from parivision_assets.core.contracts import SCHEDULE
from parivision_assets.core.game_features import schedule_features
from parivision_assets.core.game_state import EPOCH, GameState
from parivision_assets.core.game_target import GAME
from parivision_assets.core.questions import Answer, GameQuestion
from parivision_assets.serving.requests import UNKNOWN_TEAM, date_flags
from parivision_assets.serving.rules import QuestionError, check_game
from parivision_assets.serving.snapshot import NotReadyError, ServedState, Snapshot

FIRST_MONTH = 8
"""Games from August on belong to the season that ends in the next year, unless the state's season is still going on."""


def answer_games(snapshot: Snapshot, questions: Sequence[GameQuestion]) -> list[Answer]:
    """Return one answer per question, in order: the probability that the home team wins.

    Raises QuestionError for the first that cannot be answered, NotReadyError without a champion or a state of teams.
    """
    model, state = snapshot.champion(GAME.name), snapshot.known_state()
    if state.teams is None:
        raise NotReadyError("the serving state knows no teams: land a season of games, then materialise serving_state")
    for question in questions:
        check_game(question)
        _check_date(question, state.teams)
    fixtures = [_fixture(question, state, state.teams, place) for place, question in enumerate(questions)]
    rows = schedule_features(pl.DataFrame(fixtures, SCHEDULE.schema, orient="row"), state.teams).sort("game_key")
    trained = model.trained
    matrix = trained.encoder.matrix(rows)
    withheld = trained.encoder.withheld(matrix)
    sets = withheld.astype(np.int64) @ (1 << np.arange(withheld.shape[1], dtype=np.int64))
    logit = trained.calibration.apply(trained.predictor.logit(matrix), withheld)
    probability = sigmoid(logit)
    known_until = max(model.trained_until, state.as_of - dt.timedelta(days=1))
    answers = []
    for place, question in enumerate(questions):
        home, away = rows["home_team"][place], rows["away_team"][place]
        sd = None if home is None or away is None else interval.strength_edge_sd(
            state.teams.margins["season"], home, away
        )  # fmt: skip
        low, high = interval.game_interval(float(logit[place]), int(sets[place]), sd, trained.calibration)
        named = question.home_team is not None and question.away_team is not None
        is_known = (home is not None and away is not None) if named else None
        flags = date_flags(rows["game_date"][place], state.as_of, known_until)
        answers.append(
            Answer(
                target=model.target,
                probability=float(probability[place]),
                low=low,
                high=high,
                points_value=None,
                is_known=is_known,
                flags=(*([UNKNOWN_TEAM] if is_known is False else []), *flags),
                model=model.digest,
                decision=model.decision,
                state=state.digest,
                as_of=known_until,
                features=matrix[place].tobytes(),
            )
        )
    return answers


def has_played(teams: GameState, team: str) -> bool:
    """Return whether a team's games were ever rated: its strength then is tied to others'."""
    index = ratings.TEAM_INDEX.get(team)
    if index is None:
        return False
    covariance = teams.margins["season"].covariance[index]
    return bool(np.count_nonzero(covariance) > 1)


def season_of(date: dt.date, teams: GameState) -> int:
    """Return the season (by the year in which it ends) that a game on `date` belongs to, as the state sees it."""
    by_month = date.year + (date.month >= FIRST_MONTH)
    if teams.season is None or teams.day is None:
        return by_month
    # The season of 2020 went on until October.
    newest = EPOCH + dt.timedelta(days=teams.day)
    is_going_on = by_month == teams.season + 1 and newest.month >= FIRST_MONTH and newest.year == date.year
    return teams.season if is_going_on and (date - newest).days <= 7 else by_month


def _check_date(question: GameQuestion, teams: GameState) -> None:
    if question.game_date is None or teams.day is None:
        return
    newest = EPOCH + dt.timedelta(days=teams.day)
    if question.game_date <= newest:
        raise QuestionError(
            "game_date", f"must be after {newest}, the newest game that the state knows",
            "Ask about a game to come; what was said before a past game is in the game predictions.",
        )  # fmt: skip


def _fixture(question: GameQuestion, state: ServedState, teams: GameState, place: int) -> tuple[object, ...]:
    """Return a row of SCHEDULE; teams that never played are null, and the key keeps the questions' order."""
    date = question.game_date or state.as_of
    home, away = (
        team if team is not None and has_played(teams, team) else None
        for team in (question.home_team, question.away_team)
    )
    stage = "playoffs" if question.is_playoffs else "regular"
    return season_of(date, teams), date, f"{place:09d}", stage, home, away
