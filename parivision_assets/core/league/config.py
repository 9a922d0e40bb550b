"""What a synthetic league is asked to be: its size, its seasons and the change injected into it, if any.

Here are the questions and their expected verdicts; how the league answers is in the other modules.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum

LEAGUE_VERSION = "3"
"""Raised whenever the same configuration would give other files."""


class ScenarioKind(StrEnum):
    """A change of the world, or of its recording, injected from a date."""

    RULE_CHANGE = "rule_change"
    STYLE_SHIFT = "style_shift"
    LINE_MOVE = "line_move"
    NEW_ACTIONS = "new_actions"
    BROKEN_SENSOR = "broken_sensor"
    LABEL_DELAY = "label_delay"


class SensorFault(StrEnum):
    """How a broken coordinate sensor errs."""

    SCALED = "scaled"
    MIRRORED = "mirrored"
    FROZEN = "frozen"


@dataclass(frozen=True)
class Verdict:
    """What monitoring is expected to say about a scenario.

    `input_moved`: the distribution of inputs changed. `concept_pre_release`, `concept_post_event`: the relation of
    the outcome to that target's inputs changed. `checks_stop`: validation must refuse the data. `pending_grows`:
    outcomes are missing, so no verdict on the relation is possible.
    """

    input_moved: bool = False
    concept_pre_release: bool = False
    concept_post_event: bool = False
    checks_stop: bool = False
    pending_grows: bool = False


EXPECTED_VERDICTS: dict[ScenarioKind, Verdict] = {
    ScenarioKind.RULE_CHANGE: Verdict(concept_pre_release=True, concept_post_event=True),
    ScenarioKind.STYLE_SHIFT: Verdict(input_moved=True),
    ScenarioKind.LINE_MOVE: Verdict(input_moved=True, concept_pre_release=True, concept_post_event=True),
    ScenarioKind.NEW_ACTIONS: Verdict(input_moved=True, concept_post_event=True),
    ScenarioKind.BROKEN_SENSOR: Verdict(checks_stop=True),
    ScenarioKind.LABEL_DELAY: Verdict(pending_grows=True),
}


@dataclass(frozen=True)
class Scenario:
    """One injected change: what, from which game date on, and for a broken sensor or late labels, how.

    `delay_days` matters for `label_delay` alone: a game's rows are published that many days after it was played.
    """

    kind: ScenarioKind
    start: date
    fault: SensorFault = SensorFault.SCALED
    delay_days: int = 30

    @property
    def expected(self) -> Verdict:
        """Return the verdict that monitoring should reach."""
        return EXPECTED_VERDICTS[self.kind]


@dataclass(frozen=True)
class LeagueConfig:
    """A league's seed, size, seasons and scenario.

    Seasons are named by the year in which they end. `shots_per_game` is the mean number of field-goal attempts of one
    team. `published_until` holds back everything after that date (None: all is published), so that further days can
    be landed one by one. Raises ValueError for a size that no schedule fits.
    """

    seed: int = 22
    first_season: int = 2022
    seasons: int = 3
    teams: int = 30
    games_per_team: int = 82
    shots_per_game: float = 88.0
    published_until: date | None = None
    scenario: Scenario | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that no schedule fits."""
        if not 4 <= self.teams <= 30 or self.teams % 2:
            raise ValueError(f"teams must be even and within 4 … 30, not {self.teams}")
        if self.games_per_team < 2 or self.games_per_team % 2:
            raise ValueError(f"games_per_team must be even and at least 2, not {self.games_per_team}")
        if self.seasons < 1:
            raise ValueError(f"seasons must be at least 1, not {self.seasons}")
        if not 40 <= self.shots_per_game <= 140:
            raise ValueError(f"shots_per_game must be within 40 … 140, not {self.shots_per_game}")

    @classmethod
    def small(
        cls,
        seed: int = 22,
        *,
        seasons: int = 3,
        published_until: date | None = None,
        scenario: Scenario | None = None,
    ) -> LeagueConfig:
        """Return a league of eight teams with 20 games each (about 14,000 shots a season), for tests."""
        return cls(
            seed=seed,
            seasons=seasons,
            teams=8,
            games_per_team=20,
            published_until=published_until,
            scenario=scenario,
        )

    @property
    def season_numbers(self) -> tuple[int, ...]:
        """Return the seasons, oldest first."""
        return tuple(range(self.first_season, self.first_season + self.seasons))

    @property
    def digest(self) -> str:
        """Return a sha256 of everything that decides the published bytes."""
        text = json.dumps({"version": LEAGUE_VERSION} | asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()
