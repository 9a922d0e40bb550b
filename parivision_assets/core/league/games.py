"""Who wins, by how much, and how the points fall: the margin model, its two probabilities, scores and playoffs.

A game's margin is normal around strength, home and rest. It is tied to the luck of the game's own shots through a
correlation that leaves its distribution as it is, so scores and shots fit together and P(home wins) stays known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parivision_assets.core.league.calendar import Calendar
from parivision_assets.core.league.config import LeagueConfig
from parivision_assets.core.league.draws import Bools, Floats, Ints, Stream, floats
from parivision_assets.core.league.people import SeasonCast
from parivision_assets.core.league.shots import OVERTIME, SeasonShots

HOME_PTS, PLAYOFF_HOME_PTS = 2.7, 3.2
BACK_TO_BACK_PTS, LONG_REST_PTS = -1.6, 0.4
LONG_REST_DAYS = 3
MARGIN_SD_PTS = 11.9
ABSENCE_SD_PTS = 2.0
"""Per team and game: who is hurt or unwell, published nowhere."""
SHOT_LUCK_CORRELATION = 0.9
FREE_THROWS_MEAN, FREE_THROWS_SD, FEWEST_FREE_THROWS = 31.0, 6.5, 4


@dataclass(frozen=True)
class SeasonGames:
    """One season's games as parallel arrays in order of date; `quarters` (games, 2, 5) has overtime last.

    `mean_pts` is the margin expected from all that is published, `absence_pts` what is not. Field-goal columns
    (games, 2): share of shots made, share of threes made, share of free throws made.
    """

    calendar: Calendar
    game_id: Ints
    playoffs: Bools
    mean_pts: Floats
    absence_pts: Floats
    quarters: Ints
    fg_pct: Floats
    fg3_pct: Floats
    ft_pct: Floats

    @property
    def score(self) -> Ints:
        """Return final scores, shape (games, 2): home, away."""
        return np.asarray(self.quarters.sum(axis=2))

    @property
    def p_given_everything(self) -> Floats:
        """Return P(home wins) given strengths, home, rest and absences."""
        return normal_cdf((self.mean_pts + self.absence_pts) / MARGIN_SD_PTS)

    @property
    def p_published(self) -> Floats:
        """Return P(home wins), absences integrated out: exact, since normals add."""
        return normal_cdf(floats(self.mean_pts / PUBLISHED_SD_PTS))


PUBLISHED_SD_PTS = (MARGIN_SD_PTS**2 + 2 * ABSENCE_SD_PTS**2) ** 0.5


def normal_cdf(z: Floats) -> Floats:
    """Return the standard normal distribution function (Abramowitz and Stegun 7.1.26, error below 2e-7)."""
    t = 1.0 / (1.0 + 0.3275911 * np.abs(z) / 2**0.5)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    half = 0.5 * poly * np.exp(-(z**2) / 2)
    return floats(np.round(np.where(z >= 0, 1 - half, half), 9))


def expected_margin(calendar: Calendar, cast: SeasonCast, first_day: int, playoffs: bool) -> Floats:
    """Return each game's expected margin in points from strengths, home and rest."""
    column = (calendar.day - first_day).clip(max=cast.offence.shape[1] - 1)
    strength = cast.offence + cast.defence
    difference = strength[calendar.home, column] - strength[calendar.away, column]
    rest = np.where(calendar.back_to_back, BACK_TO_BACK_PTS, 0.0)
    rest = rest + np.where(calendar.rest_days >= LONG_REST_DAYS, LONG_REST_PTS, 0.0)
    home = PLAYOFF_HOME_PTS if playoffs else HOME_PTS
    return floats(np.round(difference + home + rest[:, 0] - rest[:, 1], 6))


def play_regular_season(
    config: LeagueConfig, season: int, calendar: Calendar, cast: SeasonCast, shots: SeasonShots
) -> tuple[SeasonGames, SeasonShots]:
    """Return the regular season's games, and its shots without the overtimes that were not played."""
    count = len(calendar.day)
    stream = Stream(config.seed, "games", season)
    mean = expected_margin(calendar, cast, int(calendar.day[0]), playoffs=False)
    absence = np.round(ABSENCE_SD_PTS * (stream.normal(count) - stream.normal(count)), 6)
    luck = _shot_luck(shots, count)
    rest = (1 - SHOT_LUCK_CORRELATION**2) ** 0.5
    surprise = SHOT_LUCK_CORRELATION * luck + rest * stream.normal(count)
    margin = np.round(mean + absence + MARGIN_SD_PTS * surprise, 6)
    tied = np.abs(margin) < 1.0
    shots = shots.kept((shots.quarter != OVERTIME) | tied[shots.game])
    quarters, throws = _scores(margin, tied, _made_points(shots, count), stream)
    fg, fg3 = _made_shares(shots, count)
    games = SeasonGames(
        calendar,
        regular_ids(season, count),
        np.zeros(count, dtype=np.bool_),
        mean,
        absence,
        quarters,
        fg,
        fg3,
        _free_throw_share(throws, stream),
    )
    return games, shots


def _shot_luck(shots: SeasonShots, games: int) -> Floats:
    """Return per game the standardised luck of regulation shots: points made less expected, home less away."""
    value = np.where(shots.quarter == OVERTIME, 0, shots.points) * np.where(shots.side == 0, 1, -1)
    p = shots.p_given_everything
    luck = np.bincount(shots.game, weights=value * (shots.made - p), minlength=games)
    variance = np.bincount(shots.game, weights=value**2 * p * (1 - p), minlength=games)
    return np.round(luck / np.sqrt(variance), 6)


def _made_points(shots: SeasonShots, games: int) -> Ints:
    """Return field-goal points, shape (games, 2, 5): side, quarter with overtime last."""
    cell = (shots.game * 2 + shots.side) * 5 + shots.quarter - 1
    points = np.bincount(cell, weights=shots.points * shots.made, minlength=games * 10)
    return points.astype(np.int64).reshape(games, 2, 5)


def _scores(margin: Floats, tied: Bools, field_goals: Ints, stream: Stream) -> tuple[Ints, Ints]:
    """Return points by quarter, shape (games, 2, 5), and free throws made, shape (games, 2).

    Free throws close the gap between field goals and the margin; after a tie, overtime's free throws decide.
    """
    games = len(margin)
    whole = np.where(tied, 0, np.sign(margin) * np.floor(np.abs(margin) + 1e-9)).astype(np.int64)
    scored = field_goals[:, :, :4].sum(axis=2)
    needed = whole - (scored[:, 0] - scored[:, 1])
    wanted = np.round(FREE_THROWS_MEAN + FREE_THROWS_SD * stream.normal(games)).astype(np.int64)
    both = np.maximum(wanted, np.abs(needed) + 2 * FEWEST_FREE_THROWS)
    both += (both + needed) % 2
    throws = np.stack([(both + needed) // 2, (both - needed) // 2], axis=1)
    quarters = field_goals.copy()
    quarters[:, :, :4] += _spread(throws.ravel(), 4, stream).reshape(games, 2, 4)
    extra = _overtime_throws(margin, field_goals[:, :, 4], stream)
    extra[~tied] = 0
    quarters[:, :, 4] += extra
    return quarters, throws + extra


def _overtime_throws(margin: Floats, scored: Ints, stream: Stream) -> Ints:
    """Return free throws in overtime, shape (games, 2), that make the margin's sign win."""
    lead = scored[:, 0] - scored[:, 1]
    closest = 1 + np.floor(5 * stream.uniform(len(margin))).astype(np.int64)
    sign = np.where(margin > 0, 1, -1)
    final = np.where(np.sign(lead) == sign, lead, sign * closest)
    needed = final - lead
    base = 1 + np.floor(3 * stream.uniform(len(margin))).astype(np.int64)
    return np.stack([base + needed.clip(min=0), base + (-needed).clip(min=0)], axis=1)


def _spread(total: Ints, parts: int, stream: Stream) -> Ints:
    """Return each total split at random into equal-sized parts, shape (n, parts)."""
    cuts = np.sort(stream.uniform(len(total), parts - 1), axis=1) * 0.5
    even = np.arange(1, parts) / parts * 0.5
    edges = np.floor((cuts + even) * total[:, None]).astype(np.int64)
    full = np.concatenate([np.zeros((len(total), 1), dtype=np.int64), edges, total[:, None]], axis=1)
    return np.diff(full, axis=1)


def _made_shares(shots: SeasonShots, games: int) -> tuple[Floats, Floats]:
    side = shots.game * 2 + shots.side
    three = shots.points == 3

    def share(rows: Bools) -> Floats:
        tried = np.bincount(side[rows], minlength=games * 2)
        made = np.bincount(side[rows], weights=shots.made[rows], minlength=games * 2)
        return np.round(made / np.maximum(tried, 1), 3).reshape(games, 2)

    return share(np.ones(len(side), dtype=np.bool_)), share(three)


def _free_throw_share(made: Ints, stream: Stream) -> Floats:
    share = (0.77 + 0.09 * stream.normal(*made.shape)).clip(0.45, 1.0)
    return floats(np.round(made / np.maximum(np.round(made / share), made), 3))


def regular_ids(season: int, count: int) -> Ints:
    """Return the NBA's numbers of a regular season's games: 2, the starting year, five digits."""
    return 20_000_000 + (season - 1) % 100 * 100_000 + np.arange(1, count + 1)
