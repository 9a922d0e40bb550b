"""The true probability of a shot: its parts in logits, and its means over what is not published.

Given everything: location, shooter, team, opponent, home, rest, clock, pressure, action, defender, shot clock, fatigue.
Published before release: all of these but the last four, whose joint effect is integrated out by a Gauss rule made
for exactly their discrete distribution. Published after the event: the action's label is known as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from parivision_assets.core.league import actions, marginals, places
from parivision_assets.core.league.draws import Bools, Floats, Ints, floats, running_shares

DEFENDER_EFFECT = np.array([[-0.80, -0.40, -0.10, 0.0]] * 4)
"""Logits by region (rim, paint, mid-range, three) and defender band, against a wide-open shot."""
TIGHT_BANDS = 2
SHOT_CLOCK_BANDS_S = ((18.0, 24.0), (7.0, 18.0), (4.0, 7.0), (0.0, 4.0))
SHOT_CLOCK_SHARES = np.array([0.16, 0.66, 0.10, 0.08])
SHOT_CLOCK_EFFECT = np.array([0.14, 0.02, -0.10, -0.26])
SHOT_CLOCK_OFF_S = 24
"""With less than this left in the period the shot clock is off, and its effect is none."""
FATIGUE_SHARES = np.array([[0.40, 0.45, 0.15], [0.30, 0.45, 0.25], [0.20, 0.45, 0.35]])
FATIGUE_EFFECT = np.array([0.06, 0.0, -0.14])
"""Fresh, normal, tired; shares by quarters 1-2, 3, 4 and later."""

PRESSURE_EFFECT, PRESSURE_MARGIN_PTS, PRESSURE_CLOCK_S = -0.12, 6, 300
"""In the last five minutes, field-goal scores within six points."""
LAST_SECONDS_EFFECT = np.array([-1.0, -0.5, -0.2])
"""At 0, 1 and 2 seconds left in a period, away from the rim."""
HOME_EFFECT, TIRED_TEAM_EFFECT = 0.019, -0.025
POINTS_PER_LOGIT = 48.0
"""What one logit on every shot of a team is worth: 88 shots of 2.3 points and variance 0.24."""
STRENGTH_IN_MAKES, STRENGTH_IN_PLACES = 0.4, 0.4
"""Shares of a team's strength that show in its make rates and in where it shoots; free throws carry the rest."""
POINTS_PER_TILT = 12.6
"""Points per game of weighing rim shots by e and the paint's and mid-range's by 1/e."""

RULE_CHANGE_DEFENDER, RULE_CHANGE_MID = 0.5, 0.35
"""The defender's effect is halved, and shots from mid-range gain these logits."""
LINE_MOVE_THREE = -0.20
"""A three beyond a moved line is a less practised shot, at the same spot as before."""

_BASE_RATE_BY_FOOT = {
    0: {0.0: 0.83, 0.5: 0.80, 1.5: 0.70, 2.5: 0.52, 3.5: 0.36, 4.0: 0.32},
    1: {4.0: 0.383, 6.0: 0.398, 10.0: 0.430, 13.0: 0.440, 16.0: 0.425},
    2: {8.0: 0.400, 16.0: 0.420, 20.0: 0.400, 23.0: 0.362, 24.0: 0.355},
    3: {22.0: 0.400, 24.0: 0.372, 26.0: 0.358, 28.0: 0.332, 32.0: 0.275, 36.0: 0.10, 42.0: 0.03, 47.0: 0.016,
        100.0: 0.012},
}  # fmt: skip
"""Make rate by region and distance in feet (archive, 2018-2021; the slope at the rim and far out somewhat steeper)."""
_REGION_OFFSET = np.array([0.635, 0.455, 0.215, 0.145])
"""Logits that bring each region's mean to the real one, found once on the default league."""
_CORNER_EFFECT = 0.03

ACTION_NODES, RELEASE_NODES = 5, 8


def region_of(zone: Ints) -> Ints:
    """Return 0 rim, 1 paint, 2 mid-range, 3 three for zones of the standard court."""
    return np.minimum(zone, 3)


def class_of(x_ft: Floats, y_ft: Floats, zone: Ints) -> Ints:
    """Return the index into `actions.CLASSES`; `zone` by the standard court."""
    distance = np.sqrt(x_ft**2 + y_ft**2)
    place = np.select([zone == 0, zone == 1, zone == 2, zone <= 4, zone == 5], [0, 4, 6, 7, 8], 9)
    foot = np.floor(distance + 1e-9).astype(np.int64).clip(max=3)
    place = place + np.where(zone == 0, foot, 0)
    return np.asarray(place + ((zone == 1) & (distance >= 8.0)), dtype=np.int64)


def base_logit(x_ft: Floats, y_ft: Floats, zone: Ints) -> Floats:
    """Return the average player's logit by location alone, without the mean of what is unpublished."""
    distance = np.sqrt(x_ft**2 + y_ft**2)
    region = region_of(zone)
    result = np.empty(len(distance))
    for index, curve in _BASE_RATE_BY_FOOT.items():
        rows = region == index
        feet, rates = np.array(list(curve)), np.array(list(curve.values()))
        result[rows] = np.interp(distance[rows], feet, np.log(rates / (1 - rates)))
    return floats(result + _REGION_OFFSET[region] + _CORNER_EFFECT * ((zone == 3) | (zone == 4)))


def last_seconds_logit(clock_s: Ints, zone: Ints) -> Floats:
    """Return the effect of a period's last three seconds."""
    late = (clock_s < len(LAST_SECONDS_EFFECT)) & (zone > 0)
    return np.where(late, LAST_SECONDS_EFFECT[clock_s.clip(max=2)], 0.0)


def quarter_band(quarter: Ints) -> Ints:
    """Return 0 for quarters 1-2, 1 for the third, 2 later."""
    return (quarter - 2).clip(min=0, max=2)


@dataclass(frozen=True)
class Hidden:
    """What is not published of each shot: action place in its class, defender band, shot clock band, fatigue."""

    action: Ints
    defender: Ints
    shot_clock: Ints
    fatigue: Ints


@dataclass(frozen=True)
class Setting:
    """What decides the distribution of the hidden parts, all of it published."""

    place: Ints  # class of location
    position: Ints
    band: Ints  # quarter band
    clock_off: Bools
    changed_rule: Bools


def defender_effect(place: Ints, band: Ints, changed_rule: Bools) -> Floats:
    """Return the defender's logits, halved where the rule change holds."""
    region = np.array(actions.CLASS_REGION)[place]
    return floats(DEFENDER_EFFECT[region, band] * np.where(changed_rule, RULE_CHANGE_DEFENDER, 1.0))


def hidden_logit(setting: Setting, hidden: Hidden) -> Floats:
    """Return the summed effect of everything unpublished, the action included."""
    effects = actions.tables()[1]
    clock = np.where(setting.clock_off, 0.0, SHOT_CLOCK_EFFECT[hidden.shot_clock])
    return floats(
        effects[setting.place, hidden.action]
        + defender_effect(setting.place, hidden.defender, setting.changed_rule)
        + clock
        + FATIGUE_EFFECT[hidden.fatigue]
    )


@lru_cache(maxsize=1)
def action_shares() -> Floats:
    """Return running shares of a class's actions, shape (classes x positions, actions)."""
    shares = actions.tables()[0]
    return running_shares(shares.reshape(-1, shares.shape[2]))


@lru_cache(maxsize=1)
def defender_shares() -> Floats:
    """Return running shares of the defender bands, shape (regions, 4)."""
    return running_shares(np.array(marginals.DEFENDER_SHARES))


def _outer(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return the distribution of a sum of two independent parts, each (values, weights)."""
    values = (first[0][:, None] + second[0][None, :]).ravel()
    return values, (first[1][:, None] * second[1][None, :]).ravel()


def hidden_distribution(
    place: int, band: int, clock_off: bool, changed_rule: bool, tight: bool | None
) -> tuple[Floats, Floats]:
    """Return values and weights of defender + shot clock + fatigue; `tight` conditions on the defender's nearness."""
    region = actions.CLASS_REGION[place]
    effect = DEFENDER_EFFECT[region] * (RULE_CHANGE_DEFENDER if changed_rule else 1.0)
    weights = np.array(marginals.DEFENDER_SHARES[region])
    if tight is not None:
        weights = np.where((np.arange(4) < TIGHT_BANDS) == tight, weights, 0.0)
    defender = (effect, weights / weights.sum())
    clock = (np.zeros(1), np.ones(1)) if clock_off else (SHOT_CLOCK_EFFECT, SHOT_CLOCK_SHARES)
    return _outer(_outer(defender, clock), (FATIGUE_EFFECT, FATIGUE_SHARES[band]))


def release_distribution(
    place: int, position: int, band: int, clock_off: bool, changed_rule: bool
) -> tuple[Floats, Floats]:
    """Return values and weights of the action's effect + all else unpublished."""
    shares, effects, _ = actions.tables()
    used = shares[place, position] > 0
    action = (effects[place][used], shares[place, position][used])
    return _outer(action, hidden_distribution(place, band, clock_off, changed_rule, None))


def gauss_rule(values: Floats, weights: Floats, nodes: int) -> tuple[Floats, Floats]:
    """Return the Gauss rule of a discrete distribution: exact for polynomials up to degree 2 nodes - 1.

    Three-term recurrence by Stieltjes, nodes and weights by Golub and Welsch (1969). Fewer distinct values than
    `nodes` make the rule the distribution itself, padded with weight 0.
    """
    distinct, inverse = np.unique(np.round(values, 12), return_inverse=True)
    merged = np.bincount(inverse, weights=weights)
    if len(distinct) <= nodes:
        pad = nodes - len(distinct)
        return np.pad(distinct, (0, pad)), np.pad(merged, (0, pad))
    centre = float((distinct * merged).sum())
    x = distinct - centre
    alpha, beta = np.zeros(nodes), np.zeros(nodes)
    previous, current, norm = np.zeros_like(x), np.ones_like(x), 1.0
    for k in range(nodes):
        alpha[k] = float((merged * x * current**2).sum()) / norm
        following = (x - alpha[k]) * current - beta[k] * previous
        previous, current = current, following
        new_norm = float((merged * current**2).sum())
        if k + 1 < nodes:
            beta[k + 1] = new_norm / norm
        norm = new_norm
    off_diagonal = np.sqrt(beta[1:])
    jacobi = np.diag(alpha) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1)
    points, vectors = np.linalg.eigh(jacobi)
    return points + centre, vectors[0] ** 2


def marginal_probability(logit: Floats, codes: Ints, rules: dict[int, tuple[Floats, Floats]]) -> Floats:
    """Return E[sigmoid(logit + hidden)] per row, `codes` naming each row's Gauss rule."""
    distinct, inverse = np.unique(codes, return_inverse=True)
    points = np.stack([rules[code][0] for code in distinct.tolist()])
    weights = np.stack([rules[code][1] for code in distinct.tolist()])
    result = np.zeros(len(logit))
    for node in range(points.shape[1]):
        result += weights[inverse, node] / (1.0 + np.exp(-(logit + points[inverse, node])))
    return result


def pre_release_probability(logit: Floats, setting: Setting) -> Floats:
    """Return P(made | what is published before release)."""
    parts = (setting.place, setting.position, setting.band, setting.clock_off, setting.changed_rule)
    sizes = (len(actions.CLASSES), 3, 3, 2, 2)
    codes = _code(parts, sizes)
    rules = {}
    for code in np.unique(codes).tolist():
        place, position, band, clock_off, changed = _decode(code, sizes)
        distribution = release_distribution(place, position, band, bool(clock_off), bool(changed))
        rules[code] = gauss_rule(*distribution, RELEASE_NODES)
    return marginal_probability(logit, codes, rules)


def post_event_probability(logit: Floats, setting: Setting, hidden: Hidden, split: Ints) -> Floats:
    """Return P(made | what is published after the event); `split`: 0 plain label, 1 open, 2 contested."""
    sizes = (len(actions.CLASSES), 3, 2, 2, 3)
    codes = _code((setting.place, setting.band, setting.clock_off, setting.changed_rule, split), sizes)
    rules = {}
    for code in np.unique(codes).tolist():
        place, band, clock_off, changed, how = _decode(code, sizes)
        tight = None if how == 0 else how == 2
        distribution = hidden_distribution(place, band, bool(clock_off), bool(changed), tight)
        rules[code] = gauss_rule(*distribution, ACTION_NODES)
    return marginal_probability(logit + actions.tables()[1][setting.place, hidden.action], codes, rules)


def _code(parts: tuple[Ints | Bools, ...], sizes: tuple[int, ...]) -> Ints:
    return np.ravel_multi_index(tuple(part.astype(np.int64) for part in parts), sizes).astype(np.int64)


def _decode(code: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(part) for part in np.unravel_index(code, sizes))


def standard_zone(x_ft: Floats, y_ft: Floats) -> Ints:
    """Return zones by the standard court, on which the physics of a shot depend whatever line is painted."""
    return places.zone_of(x_ft, y_ft)
