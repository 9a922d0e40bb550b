"""Every field-goal attempt of a regular season: who, where, when, and whether it went in.

All draws use the same random numbers whatever the scenario, so two leagues differ only from the scenario's date on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from parivision_assets.core.league import actions, chances, places
from parivision_assets.core.league.calendar import Calendar
from parivision_assets.core.league.config import LeagueConfig, ScenarioKind
from parivision_assets.core.league.draws import Bools, Floats, Ints, Stream, floats, ints, running_shares, sigmoid
from parivision_assets.core.league.people import Players, SeasonCast

REGULATION_S, OVERTIME_S = 720, 300
OVERTIME = 5
_PACE_SD, _SIDE_SD = 5.0, 3.0
_OVERTIME_SHOTS = 8
_ABSENT_SHARE = 0.12
_TIE_SHARE = 0.005
_LAST_SHOT_LATE_SHARE = 0.5
STYLE_SHIFT_ODDS = 1.315
"""Factor on the weight of threes that moves their share by about six points."""
LINE_MOVE_FT, LINE_MOVE_ODDS = 1.5, 0.90
"""The three-point line moves outwards, and fewer threes are tried."""
_TILT_STEP, _TILT_REACH = 0.04, 12
_TILTS = _TILT_STEP * np.arange(-_TILT_REACH, _TILT_REACH + 1)
_TILT_SIGN = np.array([1.0, -1.0, -1.0, 0.0, 0.0, 0.0, 0.0])
"""Strong offences get to the rim instead of settling for the paint and the mid-range."""


@dataclass(frozen=True)
class SeasonShots:
    """One season's shots as parallel arrays, ordered by game, quarter and falling clock.

    `side` 0 home, 1 away. `zone` as labelled, `standard_zone` by the standard court. `split` 0 plain label, 1 open
    and 2 contested under new_actions. Probabilities: given everything, before release, after the event.
    """

    game: Ints
    side: Ints
    quarter: Ints
    clock_s: Ints
    player: Ints
    x_ft: Floats
    y_ft: Floats
    zone: Ints
    setting: chances.Setting
    hidden: chances.Hidden
    split: Ints
    made: Bools
    p_given_everything: Floats
    p_pre_release: Floats
    p_post_event: Floats

    @property
    def points(self) -> Ints:
        """Return 2 or 3 per shot, by the painted line."""
        return np.where(places.is_three(self.zone), 3, 2)

    def kept(self, rows: Bools | Ints) -> SeasonShots:
        """Return the chosen rows, by mask or by index."""
        values = {
            name: getattr(self, name)[rows] for name in self.__dataclass_fields__ if name not in ("setting", "hidden")
        }
        setting = chances.Setting(**{k: v[rows] for k, v in vars(self.setting).items()})
        hidden = chances.Hidden(**{k: v[rows] for k, v in vars(self.hidden).items()})
        return replace(self, setting=setting, hidden=hidden, **values)


def is_active(config: LeagueConfig, kind: ScenarioKind, day: Ints) -> Bools:
    """Return on which rows a scenario of this kind holds, by ordinal day."""
    scenario = config.scenario
    if scenario is None or scenario.kind is not kind:
        return np.zeros(len(day), dtype=np.bool_)
    return day >= scenario.start.toordinal()


def draw_season(
    config: LeagueConfig, season: int, calendar: Calendar, players: Players, cast: SeasonCast
) -> SeasonShots:
    """Return the season's shots, overtime drawn for every game (the caller keeps it where a game was tied)."""
    game, side, quarter, clock = _moments(config, season, calendar)
    team = np.where(side == 0, calendar.home[game], calendar.away[game])
    player = _shooters(config, season, calendar, cast, (game, side, team))
    player = _separate(game, quarter, clock, player, cast.roster[team])
    day = calendar.day[game]
    stream = Stream(config.seed, "places", season)
    zone = _zones(config, cast.mix, player, _tilt_levels(calendar, cast)[game, side], day, stream)
    x_ft, y_ft = _spots(config, zone, day, stream)
    standard = chances.standard_zone(x_ft, y_ft)
    setting = chances.Setting(
        place=chances.class_of(x_ft, y_ft, standard),
        position=players.position[player],
        band=chances.quarter_band(quarter),
        clock_off=clock < chances.SHOT_CLOCK_OFF_S,
        changed_rule=is_active(config, ScenarioKind.RULE_CHANGE, day),
    )
    hidden = _hidden(config, season, setting)
    moved = is_active(config, ScenarioKind.LINE_MOVE, day)
    logit = (
        chances.base_logit(x_ft, y_ft, standard)
        + chances.last_seconds_logit(clock, standard)
        + cast.skill[player, chances.region_of(standard)]
        + _team_logit(calendar, cast, game, side)
        + np.where(setting.changed_rule & (standard == 2), chances.RULE_CHANGE_MID, 0.0)
        + np.where(moved & places.is_three(zone), chances.LINE_MOVE_THREE, 0.0)
    )
    points = np.where(places.is_three(zone), 3, 2)
    unseen = chances.hidden_logit(setting, hidden)
    moment = (game, side, quarter, clock)
    draws = Stream(config.seed, "makes", season).uniform(len(game))
    made, pressed = _play(moment, points, logit + unseen, draws, len(calendar.day))
    logit = logit + np.where(pressed, chances.PRESSURE_EFFECT, 0.0)
    split = _split(config, setting, hidden, day)
    return SeasonShots(
        *moment, player, x_ft, y_ft, zone, setting, hidden, split, made,
        p_given_everything=sigmoid(logit + unseen),
        p_pre_release=chances.pre_release_probability(logit, setting),
        p_post_event=chances.post_event_probability(logit, setting, hidden, split),
    )  # fmt: skip


def _moments(config: LeagueConfig, season: int, calendar: Calendar) -> tuple[Ints, Ints, Ints, Ints]:
    """Return game, side, quarter and clock of every shot, in order of play; about 0.5 % share a second."""
    stream = Stream(config.seed, "moments", season)
    games = len(calendar.day)
    pace = config.shots_per_game + _PACE_SD * stream.normal(games, 1) + _SIDE_SD * stream.normal(games, 2)
    counts = np.concatenate([np.round(pace).astype(np.int64), np.full((games, 2), _OVERTIME_SHOTS)], axis=1).ravel()
    game = np.repeat(np.repeat(np.arange(games), 4), counts)
    side = np.repeat(np.tile([0, 1, 0, 1], games), counts)
    is_overtime = np.repeat(np.tile([False, False, True, True], games), counts)
    place = np.arange(len(game)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (place + stream.uniform(len(game))) / np.repeat(counts, counts)
    quarter = np.where(is_overtime, OVERTIME, 1 + np.floor(4 * share).astype(np.int64).clip(max=3))
    order = np.lexsort((stream.uniform(len(game)), quarter, game))
    game, side, quarter = game[order], side[order], quarter[order]
    return game, side, quarter, _clocks(game, quarter, stream)


def _clocks(game: Ints, quarter: Ints, stream: Stream) -> Ints:
    """Return seconds left: one slot of equal length per shot, some last shots just before the horn, a few ties."""
    count = len(game)
    key = game * 10 + quarter
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    sizes = np.diff(np.concatenate([first, [count]]))
    size = np.repeat(sizes, sizes)
    slot = np.arange(count) - np.repeat(first, sizes)
    length = np.where(quarter == OVERTIME, OVERTIME_S, REGULATION_S)
    clock = np.floor(length * (1 - (slot + stream.uniform(count)) / size)).astype(np.int64).clip(min=0)
    horn = (slot == size - 1) & (stream.uniform(count) < _LAST_SHOT_LATE_SHARE)
    clock = np.where(horn, np.minimum(clock, np.floor(3 * stream.uniform(count)).astype(np.int64)), clock)
    follows = (stream.uniform(count) < _TIE_SHARE) & (slot > 0) & ~horn
    follows[1:] &= ~follows[:-1]
    clock[1:] = np.where(follows[1:], clock[:-1], clock[1:])
    return ints(clock)


def _shooters(
    config: LeagueConfig, season: int, calendar: Calendar, cast: SeasonCast, where: tuple[Ints, Ints, Ints]
) -> Ints:
    """Return the shooter of each shot, among those of the roster who play that night."""
    game, side, team = where
    stream = Stream(config.seed, "shooters", season)
    both = np.stack([calendar.home, calendar.away], axis=1)
    plays = stream.uniform(len(calendar.day), 2, cast.roster.shape[1]) >= _ABSENT_SHARE
    plays[:, :, 0] |= ~plays.any(axis=2)
    shares = running_shares(np.where(plays, cast.usage[both], 0.0)).reshape(-1, cast.roster.shape[1])
    return cast.roster[team, stream.pick(shares, game * 2 + side)]


def _separate(game: Ints, quarter: Ints, clock: Ints, player: Ints, roster: Ints) -> Ints:
    """Return shooters such that nobody shoots twice in one second: the later shot goes to the next of the roster."""
    player = player.copy()
    for _ in range(roster.shape[1]):
        key = ((game * 10 + quarter) * 1000 + clock) * 100_000 + player
        order = np.argsort(key, kind="stable")
        again = order[1:][key[order][1:] == key[order][:-1]]
        if len(again) == 0:
            return player
        place = (roster[again] == player[again][:, None]).argmax(axis=1)
        player[again] = roster[again, (place + 1) % roster.shape[1]]
    raise ValueError("shots of one second could not be given to different players")


def _tilt_levels(calendar: Calendar, cast: SeasonCast) -> Ints:
    """Return how far each side's shots tilt towards the rim, as an index into `_TILTS`, shape (games, 2)."""
    tilt = chances.STRENGTH_IN_PLACES * _edge_pts(calendar, cast) / chances.POINTS_PER_TILT
    return np.round(tilt.round(9) / _TILT_STEP).astype(np.int64).clip(-_TILT_REACH, _TILT_REACH) + _TILT_REACH


def _zones(config: LeagueConfig, mix: Floats, player: Ints, level: Ints, day: Ints, stream: Stream) -> Ints:
    """Return the zone of each shot: by the player's taste, tilted by the teams' strength and the style of the day."""
    style = is_active(config, ScenarioKind.STYLE_SHIFT, day)
    moved = is_active(config, ScenarioKind.LINE_MOVE, day)
    odds = STYLE_SHIFT_ODDS if style.any() else LINE_MOVE_ODDS
    threes = places.is_three(np.arange(mix.shape[1]))
    tilts = np.exp(_TILTS[:, None] * _TILT_SIGN)[None, :, :] * mix[:, None, :]
    shifted = tilts * np.where(threes, odds, 1.0)
    both = running_shares(np.concatenate([tilts, shifted])).reshape(-1, mix.shape[1])
    return stream.pick(both, (player + len(mix) * (style | moved)) * len(_TILTS) + level)


def _spots(config: LeagueConfig, zone: Ints, day: Ints, stream: Stream) -> tuple[Floats, Floats]:
    """Return coordinates within each shot's zone, by the three-point line of the day."""
    moved = is_active(config, ScenarioKind.LINE_MOVE, day)
    draws = stream.uniform(len(zone))
    x_ft, y_ft = np.empty(len(zone)), np.empty(len(zone))
    for shift, rows in ((0.0, ~moved), (LINE_MOVE_FT, moved)):
        for index, lattice in enumerate(places.lattices(shift) if rows.any() else ()):
            chosen = rows & (zone == index)
            x_ft[chosen], y_ft[chosen] = lattice.at(draws[chosen])
    return x_ft, y_ft


def _hidden(config: LeagueConfig, season: int, setting: chances.Setting) -> chances.Hidden:
    stream = Stream(config.seed, "hidden", season)
    region = np.array(actions.CLASS_REGION)[setting.place]
    return chances.Hidden(
        action=stream.pick(chances.action_shares(), setting.place * 3 + setting.position),
        defender=stream.pick(chances.defender_shares(), region),
        shot_clock=stream.pick(running_shares(chances.SHOT_CLOCK_SHARES[None, :]), np.zeros_like(region)),
        fatigue=stream.pick(running_shares(chances.FATIGUE_SHARES), setting.band),
    )


def _edge_pts(calendar: Calendar, cast: SeasonCast) -> Floats:
    """Return each side's offence less the other's defence in points, shape (games, 2)."""
    column = (calendar.day - calendar.day[0]).clip(max=cast.offence.shape[1] - 1)[:, None]
    teams = np.stack([calendar.home, calendar.away], axis=1)
    return floats(cast.offence[teams, column] - cast.defence[teams[:, ::-1], column])


def _team_logit(calendar: Calendar, cast: SeasonCast, game: Ints, side: Ints) -> Floats:
    """Return the effect of the team's offence, the opponent's defence, home and playing the day after a game."""
    effect = chances.STRENGTH_IN_MAKES * _edge_pts(calendar, cast) / chances.POINTS_PER_LOGIT
    effect = effect + np.array([chances.HOME_EFFECT, -chances.HOME_EFFECT])
    effect = effect + chances.TIRED_TEAM_EFFECT * calendar.back_to_back
    return floats(np.round(effect, 9)[game, side])


def _split(config: LeagueConfig, setting: chances.Setting, hidden: chances.Hidden, day: Ints) -> Ints:
    """Return 1 open or 2 contested for labels that new_actions splits, else 0."""
    splittable = np.array([label in actions.SPLIT_LABELS for label in actions.LABELS])
    label = actions.tables()[2].astype(np.int64)[setting.place, hidden.action]
    active = is_active(config, ScenarioKind.NEW_ACTIONS, day) & splittable[label]
    return np.where(active, np.where(hidden.defender < chances.TIGHT_BANDS, 2, 1), 0)


def _play(
    moment: tuple[Ints, Ints, Ints, Ints], points: Ints, logit: Floats, draws: Floats, games: int
) -> tuple[Bools, Bools]:
    """Return outcomes and where pressure was felt, which needs the field-goal score before each second."""
    game, side, quarter, clock = moment
    sign = np.where(side == 0, 1, -1) * points
    made = draws < sigmoid(logit)
    pressed = np.zeros(len(game), dtype=np.bool_)
    late = (quarter >= 4) & (clock <= chances.PRESSURE_CLOCK_S)
    early = ~late
    margin = np.bincount(game[early], weights=(sign * made)[early], minlength=games)
    pending, second = np.zeros(games), np.full(games, -1)
    rows = np.flatnonzero(late)
    first = np.searchsorted(game[rows], game[rows], side="left")
    rank = np.arange(len(rows)) - first
    for turn in range(int(rank.max(initial=-1)) + 1):
        now = rows[rank == turn]
        at, tick = game[now], quarter[now] * 1000 + clock[now]
        fresh = tick != second[at]
        margin[at] += np.where(fresh, pending[at], 0.0)
        pending[at] = np.where(fresh, 0.0, pending[at])
        second[at] = tick
        pressed[now] = np.abs(margin[at]) <= chances.PRESSURE_MARGIN_PTS
        effect = np.where(pressed[now], chances.PRESSURE_EFFECT, 0.0)
        made[now] = draws[now] < sigmoid(logit[now] + effect)
        pending[at] += sign[now] * made[now]
    return made, pressed
