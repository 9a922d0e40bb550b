"""Why an answer is what it is: the contribution of each input in percentage points, in words a fan reads.

A model answers for whatever subset of inputs it is given, so an input's contribution is what it changes: the mean, over
all orders in which the inputs could have been told, of the answer with it less the answer without it (Shapley, "A Value
for n-Person Games", 1953), in log-odds. Percentage points share the whole way from the average to the answer in
proportion to log-odds: each log-odd is worth the mean slope of the curve between the two. Sums are exact.

Who asks the model is `serving.explaining`; here are the groups of features, their words, and the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parivision_assets.core import court

Vector = npt.NDArray[np.float64]
Coalitions = npt.NDArray[np.bool_]
Words = Mapping[str, str]
"""The same words by language: `en`, `fr`."""

AVERAGE = "average"
MAX_GROUPS = 12
"""All subsets of the groups are asked: two to this power rows at most."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one input adds to the answer, in percentage points, and the words for it by language."""

    input: str
    points: float
    words: Words


@dataclass(frozen=True, slots=True)
class Group:
    """Features that a fan knows as one input."""

    name: str
    features: tuple[str, ...]
    words: Words


def _group(name: str, features: str, en: str, fr: str) -> Group:
    return Group(name, tuple(features.split()), {"en": en, "fr": fr})


SHOT_GROUPS = (
    _group("place", "is_at_rim spot_distance_ft spot_x_ft spot_y_ft abs_angle_deg points_value league_rate season_day",
           "Where the shot is taken", "L'endroit du tir"),
    _group("shooter", "shooter_skill shooter_jump_skill shooter_attempts shooter_volume position",
           "Who is shooting", "Qui tire"),
    _group("shooter_there", "shooter_bucket_skill shooter_bucket_share shooter_three_share shooter_dunk_share",
           "How the shooter does from there", "La réussite de ce tireur à cet endroit"),
    _group("shooter_form", "shooter_form", "The shooter's form in recent weeks",
           "La forme du tireur ces dernières semaines"),
    _group("offence", "offence_skill offence_bucket_skill offence_rim_share", "The shooter's team",
           "L'équipe du tireur"),
    _group("defence", "defence_skill defence_bucket_skill defence_rim_share", "The opponent's defence",
           "La défense adverse"),
    _group("home", "is_home", "Playing at home or away", "Jouer à domicile ou à l'extérieur"),
    _group("rest", "shooter_rest_days team_rest_days opponent_rest_days", "Days of rest", "Les jours de repos"),
    _group("clock", "clock_s quarter fg_margin_pts", "The clock and the score", "Le chrono et le score"),
    _group("game_so_far", "last_since_s last_kind last_same_player last_distance_ft own_attempts own_rate own_last_made"
           " team_rate game_pace", "The game so far", "Le match jusqu'ici"),
    _group("kind", "action_rate action_skill action_type arena_action_skill shooter_family_skill",
           "The kind of shot", "Le type de tir"),
    _group("defender", "defender_distance_ft", "The closest defender", "Le défenseur le plus proche"),
    _group("shot_clock", "shot_clock_s", "The shot clock", "Le chrono de possession"),
)  # fmt: skip
"""The first is always known: it is told before all others, and its contribution starts from the average shot."""

GAME_GROUPS = (
    _group("home", "league_home_edge_pts is_playoffs season_day", "Playing at home", "Jouer à domicile"),
    _group("strength", "margin_z playoff_margin_z elo_edge win_share_edge", "The strength of the two teams",
           "La force des deux équipes"),
    _group("form", "recent_edge_pts win_form_edge", "Recent form", "La forme récente"),
    _group("rest", "fatigue_edge home_back_to_back away_back_to_back home_third_in_four away_third_in_four"
           " rest_edge_days week_games_edge", "Rest and tired legs", "Le repos et la fatigue"),
    _group("travel", "travel_edge_km altitude_gain_m", "Travel and altitude", "Le voyage et l'altitude"),
    _group("series", "series_games series_wins_edge series_margin_pts", "This playoff series",
           "Cette série de playoffs"),
    _group("luck", "shot_edge", "Luck from three in earlier games", "La chance à trois points des matchs précédents"),
    _group("players", "roster_1_edge_pts roster_3_edge_pts", "Who has been playing", "Qui joue en ce moment"),
)  # fmt: skip
"""The first is always known; its contribution starts from an even game."""

AVERAGE_SHOT: Words = {"en": "The league's average shot", "fr": "Le tir moyen de la ligue"}
EVEN_GAME: Words = {"en": "An even game", "fr": "Un match équilibré"}


METRES_PER_FOOT = 0.3048


def place_words(distance_ft: float, points_value: int | None) -> Words:
    """Return where a shot is taken: feet in English, metres in French."""
    if distance_ft < court.RESTRICTED_AREA_RADIUS_FT:
        return {"en": "Where the shot is taken: at the rim", "fr": "L'endroit du tir : au cercle"}
    metres = f"{distance_ft * METRES_PER_FOOT:.1f}".replace(".", ",")
    worth = {2: (", for two", ", à deux points"), 3: (", for three", ", à trois points")}
    en, fr = worth.get(points_value or 0, ("", ""))
    return {
        "en": f"Where the shot is taken: {distance_ft:.0f} ft out{en}",
        "fr": f"L'endroit du tir : à {metres} m du panier{fr}",
    }


def coalitions(count: int) -> Coalitions:
    """Return all subsets of `count` groups, (2 ** count, count): row n tells the groups at n's binary ones.

    Raises ValueError for more than MAX_GROUPS groups.
    """
    if count > MAX_GROUPS:
        raise ValueError(f"{count} groups of inputs: at most {MAX_GROUPS}; merge some of them")
    numbers = np.arange(1 << count)[:, None]
    return np.asarray((numbers >> np.arange(count)) & 1, dtype=bool)


def shapley(values: Vector) -> Vector:
    """Return each group's contribution (count,) from the value of every coalition (2 ** count,).

    They sum to the value of all groups less that of none.
    """
    count = len(values).bit_length() - 1
    told = coalitions(count)
    sizes = told.sum(axis=1)
    weights = np.array([math.factorial(size) * math.factorial(max(count - size - 1, 0)) for size in range(count + 1)])
    found = np.zeros(count)
    numbers = np.arange(len(values))
    for group in range(count):
        without = numbers[~told[:, group]]
        gain = values[without + (1 << group)] - values[without]
        found[group] = float((weights[sizes[without]] * gain).sum()) / math.factorial(count)
    return found


def in_points(average: float, probability: float, parts: Sequence[float]) -> list[float]:
    """Return log-odds parts as percentage points that sum to 100 (probability - average).

    `parts` should sum to the log-odds of `probability` less those of `average`; what is missing by rounding is shared.
    """
    whole = math.fsum(parts)
    slope = average * (1.0 - average) if abs(whole) < 1e-9 else (probability - average) / whole
    return [100.0 * slope * part for part in parts]


def explained(
    average: float, average_words: Words, probability: float, parts: Sequence[tuple[str, Words, float]]
) -> list[Contribution]:
    """Return the average as the first contribution, then the parts (input, words, log-odds), largest first.

    All points together are 100 times the probability.
    """
    points = in_points(average, probability, [log_odds for _, _, log_odds in parts])
    found = [Contribution(name, point, words) for (name, words, _), point in zip(parts, points, strict=True)]
    start = Contribution(AVERAGE, 100.0 * average, average_words)
    return [start, *sorted(found, key=lambda item: (-abs(item.points), item.input))]


def group_of(groups: Sequence[Group], feature: str) -> Group:
    """Return the group that a feature belongs to; raise KeyError naming a feature that has none."""
    for group in groups:
        if feature in group.features:
            return group
    raise KeyError(f"{feature} belongs to no group: give it words in core/explanation.py")
