"""`/v1/games`: probabilities of games, of any two teams or of the coming games."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.api.answers import SYNTHETIC, SinglePredictionAnswer, as_json, prediction
from app.api.asking import UNANSWERED, answered, body_of, contributions, read, refusal
from app.api.requests import GameRequest
from app.api.service import Service
from parivision_assets.core.contracts import GAME_PREDICTIONS, SCHEDULE
from parivision_assets.serving.predictor import QuestionError
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today


class ComingGame(BaseModel):
    """A game on the schedule, and what the champion said of it last."""

    game_key: str = Field(description="Names the game: date_AWAY_HOME")
    game_date: dt.date
    stage: str
    home_team: str
    away_team: str
    home_probability: float | None = Field(description="Probability that the home team wins; null if none was made yet")
    champion: str | None = Field(description="Digest of the champion that said so")
    as_of_date: dt.date | None = Field(description="The platform's date when it was said")


class ComingGames(BaseModel):
    """The coming games, earliest first."""

    today: dt.date | None = Field(description="The platform's date: the newest landed game's")
    is_synthetic: bool = Field(description=SYNTHETIC)
    games: list[ComingGame]


def games_router(service: Service) -> APIRouter:
    """Return the routes about games."""
    router = APIRouter(prefix="/v1/games", tags=["games"], responses=UNANSWERED)

    @router.post("/predict", response_model=SinglePredictionAnswer, openapi_extra=body_of(GameRequest))
    async def predict_game(request: Request) -> Response:
        """Say how likely the home team is to win."""
        asked = await read(request, GameRequest)
        try:
            question = asked.question()
            (given,) = await answered(service, request, [question], service.predictor.games)
        except QuestionError as error:
            raise refusal(error) from error
        parts = await contributions(service, question, given.answer, asked.lang) if asked.explain else None
        return as_json(
            prediction(
                given.prediction_id,
                given.answer,
                is_scorable=given.is_scorable,
                is_synthetic=service.is_synthetic,
                contributions=parts,
            )
        )

    @router.get("")
    def list_games(
        team: Annotated[str | None, Query(pattern="^[A-Z]{3}$", description="Only this team's games")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> ComingGames:
        """List the games to come with the champion's probabilities."""
        home = service.home
        date = today(home)
        rows = [] if date is None else coming_games(home, date, team, limit)
        games = [ComingGame.model_validate(row) for row in rows]
        return ComingGames(today=date, is_synthetic=service.is_synthetic, games=games)

    return router


def coming_games(home: Home, after: dt.date, team: str | None, limit: int) -> list[dict[str, object]]:
    """Return the scheduled games after a date, earliest first, each with the newest prediction of it."""
    seasons = home.tables.partitions(SCHEDULE.name)[-1:]
    if not seasons:
        return []
    scheduled = home.tables.read(SCHEDULE.name, seasons).filter(pl.col("game_date") > after)
    if team is not None:
        scheduled = scheduled.filter((pl.col("home_team") == team) | (pl.col("away_team") == team))
    columns = ["game_key", "home_probability", "champion", "as_of_date"]
    if home.tables.has(GAME_PREDICTIONS.name, seasons[0]):
        predicted = home.tables.read(GAME_PREDICTIONS.name, seasons, columns)
    else:
        predicted = pl.DataFrame(schema={name: GAME_PREDICTIONS.column(name).dtype for name in columns})
    # A day's last row is the newest champion's: versions are kept in the order in which they were made.
    newest = predicted.group_by("game_key").agg(pl.all().sort_by("as_of_date", maintain_order=True).last())
    shown = scheduled.join(newest, on="game_key", how="left").sort("game_date", "game_key").head(limit)
    return shown.select(list(ComingGame.model_fields)).to_dicts()
