"""What is served at one moment: the champions and the serving state, verified, and how the next ones are looked for.

A part that cannot be served (damaged, of a newer format) leaves the part before it in place, with the reason in words.
How questions are answered from a snapshot is in `predictor`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.history import State
from parivision_assets.core.questions import Answer
from parivision_assets.core.targets import Target
from parivision_assets.serving.game_rows import TeamsAhead
from parivision_assets.serving.models import ServedModel, served_model
from parivision_assets.serving.shot_rows import ShotMemories
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.bundles import Bundle, Champion
from parivision_assets.stores.home import Home
from parivision_assets.stores.serving_state import SERVING_STATE, load_state

UNSERVABLE = (StoreError, ValueError, KeyError, pl.exceptions.PolarsError)
"""What reading a damaged bundle, or one of another version, may raise."""


class NotReadyError(Exception):
    """There is nothing to answer with yet; the message says what is missing and how it comes about."""


@dataclass(frozen=True, eq=False)
class ServedState:
    """A serving state ready to be asked."""

    digest: str
    as_of: dt.date
    """The day after the newest game that it may know."""
    shots: State | None
    memories: ShotMemories | None
    """The same, ready to be looked up for one shot."""
    teams: TeamsAhead | None
    positions: Mapping[int, str | None]
    """Position group (G, F, C) of every known shooter."""
    shooting_teams: frozenset[str]
    actions: frozenset[str]

    def known_until(self, model: ServedModel) -> dt.date:
        """Return the newest date whose outcomes an answer by `model` from this state may know."""
        return max(model.trained_until, self.as_of - dt.timedelta(days=1))


@dataclass(frozen=True)
class Snapshot:
    """One consistent set of champions and state: whoever holds it answers from nothing else."""

    champions: Mapping[str, ServedModel] = field(default_factory=dict)
    """By target."""
    state: ServedState | None = None

    @property
    def as_of(self) -> dt.date | None:
        """Return the day after the newest game that the state may know; None without a state."""
        return None if self.state is None else self.state.as_of

    @property
    def versions(self) -> dict[str, str]:
        """Return the digest served per target, and of the state under `serving_state`."""
        digests = {target: model.digest for target, model in self.champions.items()}
        return digests if self.state is None else {**digests, SERVING_STATE: self.state.digest}

    def champion(self, target: str) -> ServedModel:
        """Return a target's champion; raise NotReadyError where there is none."""
        found = self.champions.get(target)
        if found is None:
            raise NotReadyError(
                f"there is no champion of {target} yet: train and promote one (`parivision run --job retrain_{target}`)"
            )
        return found

    def known_state(self) -> ServedState:
        """Return the state; raise NotReadyError where there is none."""
        if self.state is None:
            raise NotReadyError(
                "there is no serving state yet: materialise the asset serving_state (the daily job does)"
            )
        return self.state


@dataclass(frozen=True)
class Unserved:
    """A part that cannot be served."""

    words: str
    """What that means, for whoever asks."""
    cause: str
    """Why, for whoever runs the service: it may name files and hosts."""


@dataclass(frozen=True)
class Loaded:
    """The newest snapshot that can be served, and what newer part of it cannot."""

    snapshot: Snapshot
    problems: tuple[Unserved, ...]


def load_snapshot(home: Home, before: Snapshot) -> Loaded:
    """Return what the home's pointers name; parts that `before` holds already are not read again."""
    champions, problems = dict(before.champions), []
    for target in TARGETS.values():
        try:
            pointer = home.bundles.champion(target.name)
            if pointer is not None:
                champions[target.name] = _model(home, target, pointer, champions.get(target.name))
        except UNSERVABLE as error:
            problems.append(_unserved(f"the champion of {target.name}", error, target.name in champions))
    state = before.state
    try:
        digest = home.bundles.asset(SERVING_STATE)
        if digest is not None and (state is None or state.digest != digest):
            state = served_state(home.bundles.read_bundle(digest))
    except UNSERVABLE as error:
        problems.append(_unserved("the serving state", error, state is not None))
    return Loaded(Snapshot(champions, state), tuple(problems))


def _model(home: Home, target: Target, pointer: Champion, before: ServedModel | None) -> ServedModel:
    if before is not None and before.digest == pointer.digest and before.decision == pointer.decision:
        return before
    return served_model(home.bundles.read_bundle(pointer.digest), target, pointer.decision)


def recorded_snapshot(home: Home, answer: Answer) -> Snapshot:
    """Return the model and the state that gave an answer, read from their bundles, and nothing else.

    Raises StoreAbsentError or StoreDamagedError where one of them is no longer there or no longer itself.
    """
    model = served_model(home.bundles.read_bundle(answer.model), TARGETS[answer.target], answer.decision)
    return Snapshot({answer.target: model}, served_state(home.bundles.read_bundle(answer.state)))


def served_state(bundle: Bundle) -> ServedState:
    """Return a serving state ready to be asked; raise ValueError for a format that this version does not read."""
    found = load_state(bundle)
    positions = dict(zip(*found.players.select("player_id", "position_group"), strict=True))
    shots, teams = found.shots, found.teams
    return ServedState(
        digest=bundle.ref.digest,
        as_of=found.as_of,
        shots=shots,
        memories=None if shots is None else ShotMemories.of(shots),
        teams=None if teams is None else TeamsAhead(teams),
        positions=positions,
        shooting_teams=frozenset() if shots is None else frozenset(shots.frames["offence"]["team"]),
        actions=frozenset() if shots is None else frozenset(shots.frames["action"]["action_type"]),
    )


def _unserved(what: str, error: Exception, has_older: bool) -> Unserved:
    kept = "the one before it goes on serving" if has_older else "nothing serves in its place"
    return Unserved(f"{what} cannot be served, {kept}", str(error))
