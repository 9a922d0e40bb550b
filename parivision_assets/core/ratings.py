"""How strong teams are, learnt from results day by day: Elo, and margin ratings by a Kalman filter.

Both rate a day's games before they see its results. What a model makes of the ratings is declared in `game_features`.

Elo follows FiveThirtyEight's published recipe ("How We Calculate NBA Elo Ratings", 21 May 2015): K = 20, home advantage
100 points, margin multiplier (margin + 3)^0.8 / (7.5 + 0.006 · winner's edge), a quarter of the way back to 1505 each
summer. The margin ratings are a dynamic linear model in the manner of Glickman and Stern ("A State-Space Model for
National Football League Scores", JASA 93, 1998): strengths in points drift from day to day and regress each summer, and
the league's home edge drifts too, so that it follows eras (empty arenas) without being told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parivision_assets.core.contracts import TEAMS

Vector = npt.NDArray[np.float64]

TEAM_INDEX = {team: index for index, team in enumerate(TEAMS)}
TEAM_COUNT = len(TEAMS)
LEAGUE_HOME = TEAM_COUNT
FIRST_TEAM_HOME = TEAM_COUNT + 1
BACK_TO_BACK_HOME = FIRST_TEAM_HOME + TEAM_COUNT
BACK_TO_BACK_AWAY = BACK_TO_BACK_HOME + 1
SIZE = BACK_TO_BACK_AWAY + 1
"""Layout of a margin rating's state: strengths, league's home edge, each team's own home edge, two fatigue effects."""

ELO_K = 20.0
ELO_HOME = 100.0
ELO_CARRY = 0.75
ELO_MEAN = 1505.0
ELO_START = 1500.0
ELO_SCALE = 400.0
"""The published recipe's constants, see the module's docstring."""

LONGEST_GAP_DAYS = 10
"""A longer break adds no more uncertainty: nobody plays, so little is lost."""


@dataclass(frozen=True)
class MarginSettings:
    """How fast margin ratings move; variances in points², chosen by log loss on 2008-2015 (docs/modelling.md)."""

    day_variance: float = 0.03
    season_carry: float = 0.8
    season_variance: float = 6.0
    start_variance: float = 25.0
    home_start_pts: float = 3.0
    home_day_variance: float = 0.0005
    home_season_variance: float = 0.05
    team_home_variance: float = 0.5
    team_home_season_variance: float = 0.1
    noise_variance: float = 100.0
    noise_memory_games: float = 1500.0
    margin_cap_pts: float = 30.0
    """Margins m enter as cap · tanh(m / cap): the end of a rout says little."""


SEASON_RATINGS = MarginSettings()
RECENT_RATINGS = MarginSettings(day_variance=0.2)
"""The same model with a shorter memory: half of what it knows is from the last few weeks."""


@dataclass(frozen=True)
class MarginRatings:
    """Strengths as of a day: mean (SIZE,), covariance (SIZE, SIZE) in points, and the margins' own noise in points²."""

    mean: Vector
    covariance: Vector
    noise_variance: float
    season: int | None = None
    day: int | None = None

    @classmethod
    def start(cls, settings: MarginSettings) -> MarginRatings:
        """Return ratings that know nothing but the league's usual home edge."""
        mean = np.zeros(SIZE)
        mean[LEAGUE_HOME] = settings.home_start_pts
        variance = np.ones(SIZE)
        variance[:TEAM_COUNT] = settings.start_variance
        variance[FIRST_TEAM_HOME:BACK_TO_BACK_HOME] = settings.team_home_variance
        return cls(mean, np.diag(variance), settings.noise_variance)


@dataclass(frozen=True)
class Meeting:
    """One game as the ratings see it before it is played."""

    home: int
    away: int
    is_neutral: bool
    home_back_to_back: bool
    away_back_to_back: bool


def elo_edge(elo: Vector, home: int, away: int, is_neutral: bool) -> float:
    """Return home minus away in Elo points, home advantage included unless the floor is neutral."""
    return float(elo[home] - elo[away]) + (0.0 if is_neutral else ELO_HOME)


def elo_probability(edge: float) -> float:
    """Return the home team's winning probability for an Elo edge."""
    return float(1.0 / (1.0 + 10.0 ** (-edge / ELO_SCALE)))


def elo_new_season(elo: Vector) -> Vector:
    """Return ratings a quarter of the way back to the mean."""
    return ELO_CARRY * elo + (1.0 - ELO_CARRY) * ELO_MEAN


def elo_change(edge: float, margin_pts: float) -> float:
    """Return how many points pass from the away to the home team after a home margin; zero-sum."""
    home_won = margin_pts > 0
    winner_edge = edge if home_won else -edge
    multiplier = (abs(margin_pts) + 3.0) ** 0.8 / (7.5 + 0.006 * winner_edge)
    return float(ELO_K * multiplier * (float(home_won) - elo_probability(edge)))


def advanced(ratings: MarginRatings, settings: MarginSettings, season: int, day: int) -> MarginRatings:
    """Return the ratings on the morning of a day (days since 1970-01-01): uncertainty grows, summers regress."""
    if ratings.season is None or ratings.day is None:
        return MarginRatings(ratings.mean, ratings.covariance, ratings.noise_variance, season, day)
    mean, covariance = ratings.mean.copy(), ratings.covariance.copy()
    strengths = np.arange(TEAM_COUNT)
    if season != ratings.season:
        mean[:TEAM_COUNT] = settings.season_carry * (mean[:TEAM_COUNT] - mean[:TEAM_COUNT].mean())
        covariance[:TEAM_COUNT] *= settings.season_carry
        covariance[:, :TEAM_COUNT] *= settings.season_carry
        covariance[strengths, strengths] += settings.season_variance
        covariance[LEAGUE_HOME, LEAGUE_HOME] += settings.home_season_variance
        own = np.arange(FIRST_TEAM_HOME, BACK_TO_BACK_HOME)
        covariance[own, own] += settings.team_home_season_variance
    else:
        days = min(day - ratings.day, LONGEST_GAP_DAYS)
        covariance[strengths, strengths] += settings.day_variance * days
        covariance[LEAGUE_HOME, LEAGUE_HOME] += settings.home_day_variance * days
    return MarginRatings(mean, covariance, ratings.noise_variance, season, day)


def updated(
    ratings: MarginRatings, settings: MarginSettings, meetings: list[Meeting], margins_pts: Vector
) -> MarginRatings:
    """Return the ratings after one day's home margins (n,), all games of the day taken together."""
    if not meetings:
        return ratings
    design = np.stack([_design(meeting) for meeting in meetings])
    capped = settings.margin_cap_pts * np.tanh(margins_pts / settings.margin_cap_pts)
    spread = design @ ratings.covariance
    prior = spread @ design.T
    surprise = capped - design @ ratings.mean
    gain = np.linalg.solve(prior + ratings.noise_variance * np.eye(len(meetings)), spread).T
    covariance = ratings.covariance - gain @ spread
    noise = ratings.noise_variance
    for game, error in enumerate(surprise):
        seen = max(float(error) ** 2 - float(prior[game, game]), 0.0)
        noise += (seen - noise) / settings.noise_memory_games
    # Rounding would let the covariance drift away from symmetry over thousands of days.
    symmetric = (covariance + covariance.T) / 2.0
    return MarginRatings(ratings.mean + gain @ surprise, symmetric, noise, ratings.season, ratings.day)


def home_edge_pts(ratings: MarginRatings, home: int | None, is_neutral: bool) -> float:
    """Return the home edge in points: the league's plus the team's own where it is known; 0 on a neutral floor."""
    if is_neutral:
        return 0.0
    own = 0.0 if home is None else float(ratings.mean[FIRST_TEAM_HOME + home])
    return float(ratings.mean[LEAGUE_HOME]) + own


def strength_edge_pts(ratings: MarginRatings, home: int, away: int) -> float:
    """Return home strength minus away strength in points on a neutral floor."""
    return float(ratings.mean[home] - ratings.mean[away])


def fatigue_edge_pts(ratings: MarginRatings, meeting: Meeting) -> float:
    """Return what back-to-backs add to the expected home margin, by the effects learnt so far."""
    home = float(ratings.mean[BACK_TO_BACK_HOME]) if meeting.home_back_to_back else 0.0
    away = float(ratings.mean[BACK_TO_BACK_AWAY]) if meeting.away_back_to_back else 0.0
    return home + away


def strength_variance(ratings: MarginRatings, home: int, away: int) -> float:
    """Return the variance in points² of the strength edge."""
    table = ratings.covariance
    return float(table[home, home] + table[away, away] - 2.0 * table[home, away])


def _design(meeting: Meeting) -> Vector:
    row = np.zeros(SIZE)
    row[meeting.home] = 1.0
    row[meeting.away] = -1.0
    if not meeting.is_neutral:
        row[LEAGUE_HOME] = 1.0
        row[FIRST_TEAM_HOME + meeting.home] = 1.0
    row[BACK_TO_BACK_HOME] = float(meeting.home_back_to_back)
    row[BACK_TO_BACK_AWAY] = float(meeting.away_back_to_back)
    return row
