"""Which partitions a change requests, compared with the expected set: the real conditions, over a pretended world.

The world here runs what is requested the way the assets do: a table's version is the digest of what it read, a failed
check publishes nothing. What the assets themselves do with bad input is in `defs/test_bad_input.py`.
"""

import hashlib
import time
from itertools import cycle, permutations

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from parivision_assets.definitions import build_definitions
from parivision_assets.settings import Settings

SEASONS = ("2021", "2022", "2023")
RAW = ("raw_shots", "raw_games", "raw_odds", "raw_tracking")
OF_SHOTS = {"validated_shots", "quarantined_shots"}
TOTALS = {"player_game_totals", "team_game_totals", "action_totals"}
BAD = "bad"

# `build_definitions` says the same once per process; pytest forgets it after each test.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning")


class World:
    """Published files, the tables that were made of them, and the automation's memory."""

    def __init__(self, definitions: dg.Definitions) -> None:
        self.definitions = definitions
        self.graph = definitions.resolve_asset_graph()
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor = None
        self.runs = 0
        self.versions: dict[tuple[str, str], str] = {}

    def land(self, asset: str, season: str, content: str | None) -> None:
        """Do what a raw asset does: publish content, refuse bad content, or say that the season is absent."""
        self._checked(asset, season, passed=content != BAD)
        if content is None:
            self._made(asset, season, self.versions.get((asset, season), "absent"))
        elif content != BAD:
            self.versions[asset, season] = content
            self._made(asset, season, content)

    def tick(self) -> set[tuple[str, str]]:
        """Evaluate the conditions once and return what they request."""
        found = dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=self.cursor)
        self.cursor = found.cursor
        return {
            (result.key.to_user_string(), str(partition))
            for result in found.results
            if isinstance(result.key, dg.AssetKey)
            for partition in found.get_requested_partitions(result.key)
        }

    def settle(self, refused: frozenset[tuple[str, str]] = frozenset()) -> set[tuple[str, str]]:
        """Run what is requested until nothing is any more; return all that ran. `refused` tables fail their checks."""
        everything: set[tuple[str, str]] = set()
        for _ in range(12):
            requested = self.tick()
            if not requested:
                return everything
            everything |= self._run_together(requested, refused)
        raise AssertionError("the automation never comes to rest")

    def _run_together(
        self, requested: set[tuple[str, str]], refused: frozenset[tuple[str, str]]
    ) -> set[tuple[str, str]]:
        """Run one tick's requests as Dagster does, a run per season in order; nothing runs below a failed check."""
        stopped, ran = set(refused & requested), set()
        order = [key.to_user_string() for key in self.graph.toposorted_asset_keys]
        for asset, season in sorted(requested, key=lambda item: order.index(item[0])):
            above = {(parent.to_user_string(), season) for parent in self.graph.get(dg.AssetKey(asset)).parent_keys}
            if above & stopped:
                stopped.add((asset, season))
                continue
            self._run(asset, season, passed=(asset, season) not in refused)
            if asset != "serving_state":
                ran.add((asset, season))
        return ran

    def _run(self, asset: str, season: str, *, passed: bool) -> None:
        self._checked(asset, season, passed=passed)
        if not passed:
            return
        key = dg.AssetKey(asset)
        if self.graph.get(key).partitions_def is None:
            every = sorted(str(item) for item in self.versions.items())
            self._made(asset, None, hashlib.sha256("".join(every).encode()).hexdigest())
            return
        read = []
        for parent in sorted(self.graph.get(key).parent_keys, key=str):
            if self.graph.get(parent).partitions_def is None:
                continue
            mapping = self.graph.get_partition_mapping(key, parent)
            wanted = mapping.get_upstream_mapped_partitions_result_for_partitions(
                self.graph.get(key).partitions_def.subset_with_partition_keys([season]),
                self.graph.get(key).partitions_def, self.graph.get(parent).partitions_def,
            ).partitions_subset.get_partition_keys()  # fmt: skip
            read += [self.versions.get((parent.to_user_string(), each), "none") for each in sorted(wanted)]
        version = "absent" if set(read) <= {"none"} else hashlib.sha256("|".join(read).encode()).hexdigest()[:12]
        if version != "absent":
            self.versions[asset, season] = version
        self._made(asset, season, version)

    def _made(self, asset: str, season: str | None, version: str) -> None:
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(asset, partition=season, tags={DATA_VERSION_TAG: version})
        )

    def _checked(self, asset: str, season: str, *, passed: bool) -> None:
        # Dagster takes one evaluation of a check outside of runs, so each comes as that of a run of its own.
        key, self.runs = dg.AssetKey(asset), self.runs + 1
        seasons = self.graph.get(key).partitions_def
        if seasons is None:
            return
        planned = AssetCheckEvaluationPlanned(
            asset_key=key, check_name="contract", partitions_subset=seasons.subset_with_partition_keys([season])
        )
        # A check says which materialization it saw: with audit before publishing, the one before.
        wanted = dg.AssetRecordsFilter(key, asset_partitions=[season])
        seen = [
            AssetCheckEvaluationTargetMaterializationData(
                storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
            )
            for record in self.instance.fetch_materializations(wanted, limit=1).records
        ]
        done = dg.AssetCheckEvaluation(
            key, "contract", passed=passed, partition=season, blocking=True,
            target_materialization_data=seen[0] if seen else None,
        )  # fmt: skip
        for kind, data in (
            (dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, planned),
            (dg.DagsterEventType.ASSET_CHECK_EVALUATION, done),
        ):
            event = dg.DagsterEvent(kind.value, "pretended", event_specific_data=data)
            entry = dg.EventLogEntry(None, 20, "", f"run {self.runs}", time.time(), "step", "pretended", event)
            self.instance.event_log_storage.store_event(entry)


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    home = tmp_path_factory.mktemp("home")
    return build_definitions(Settings(home=home, shots_url="s", seasons=tuple(map(int, SEASONS))))


@pytest.fixture
def world(definitions: dg.Definitions) -> World:
    return World(definitions)


def land_all(world: World, seasons: tuple[str, ...] = SEASONS) -> None:
    for season in seasons:
        for asset in RAW:
            world.land(asset, season, f"{asset} {season}" if asset != "raw_tracking" else None)


def of(names: set[str], *seasons: str) -> set[tuple[str, str]]:
    return {(name, season) for name in names for season in seasons}


EVERYTHING = OF_SHOTS | {"validated_games", "quarantined_games", "shot_leaks", "shot_features", "game_features",
                         "team_states"} | TOTALS  # fmt: skip
FOLLOWED = {"served_predictions", "logged_predictions", "prediction_outcomes", "live_performance", "scoreboard"}
OF_GAMES = {"bet_settlements"}


def test_nothing_landed_requests_nothing(world: World) -> None:
    assert world.tick() == set()


def test_new_seasons_are_carried_to_features(world: World) -> None:
    world.tick()
    land_all(world)
    first = world.tick()
    assert first == of(OF_SHOTS | {"validated_games", "quarantined_games"}, *SEASONS)


def test_everything_is_made_once_and_then_there_is_rest(world: World) -> None:
    world.tick()
    land_all(world)
    assert world.settle() == of(EVERYTHING | FOLLOWED | OF_GAMES, *SEASONS)
    assert world.tick() == set()


def test_unchanged_data_requests_nothing(world: World) -> None:
    world.tick()
    land_all(world)
    world.settle()
    # The daily job materialises the raw tables again; the content is the same.
    land_all(world)
    assert world.settle() == set()


def test_a_change_requests_what_it_reaches_and_nothing_else(world: World) -> None:
    world.tick()
    land_all(world)
    world.settle()
    world.land("raw_odds", "2023", "other lines")
    # Lines change games and what is made of them, no shot.
    own = {"validated_games", "quarantined_games", "game_features", "team_states"}
    assert world.settle() == of(own | FOLLOWED | OF_GAMES, "2023")


def test_a_new_champion_or_challenger_starts_nothing_by_itself(world: World) -> None:
    world.tick()
    land_all(world)
    world.settle()
    for asset in ("game_challenger", "game_champion"):
        world._made(asset, None, "another model")
    assert world.settle() == set()
    world.land("raw_odds", "2023", "the day after")
    assert of({"served_predictions"}, "2023") <= world.settle()


def test_monitoring_follows_features(world: World) -> None:
    world.tick()
    land_all(world)
    order = []
    for _ in range(12):
        requested = world.tick()
        order += sorted({asset for asset, _ in requested} & (FOLLOWED | {"shot_features"}))
        world._run_together(requested, frozenset())
    assert order.index("shot_features") < order.index("served_predictions")
    assert set(order) >= FOLLOWED


def test_a_corrected_old_season_reaches_the_later_ones(world: World) -> None:
    world.tick()
    land_all(world)
    world.settle()
    world.land("raw_shots", "2021", "corrected")
    requested = world.settle()
    own = OF_SHOTS | TOTALS | {"shot_leaks", "shot_features", "game_features", "team_states"}
    assert of(own, "2021") <= requested
    followed = FOLLOWED | {"shot_features", "game_features", "team_states"}
    assert requested - of(own | FOLLOWED, "2021") == of(followed, "2022", "2023")


def test_a_season_that_an_optional_source_lacks_blocks_nothing(world: World) -> None:
    world.tick()
    for season in SEASONS:
        world.land("raw_shots", season, f"shots {season}")
        for asset in ("raw_games", "raw_odds", "raw_tracking"):
            world.land(asset, season, None)
    assert of(OF_SHOTS | TOTALS | {"shot_features"}, *SEASONS) <= world.settle()


def test_a_source_that_was_never_asked_blocks_nothing(world: World) -> None:
    world.tick()
    world.land("raw_shots", "2022", "shots")
    assert of(OF_SHOTS | TOTALS | {"shot_features"}, "2022") <= world.settle()


@pytest.mark.parametrize(("bad", "order"), list(zip(cycle(SEASONS), permutations(SEASONS))))
def test_a_bad_season_blocks_itself_and_nothing_else(world: World, bad: str, order: tuple[str, ...]) -> None:
    world.tick()
    requested: set[tuple[str, str]] = set()
    for season in order:
        for asset in RAW:
            world.land(
                asset, season, BAD if season == bad and asset in {"raw_shots", "raw_odds"} else f"{asset} {season}"
            )
        requested |= world.settle()
    good = [season for season in SEASONS if season != bad]
    assert of(EVERYTHING, *good) <= requested
    assert not requested & of(OF_SHOTS | {"validated_games", "quarantined_games"} | TOTALS, bad)
    # The next good file is accepted.
    for asset in RAW:
        world.land(asset, bad, "repaired")
    assert of(EVERYTHING, bad) <= world.settle()


@pytest.mark.parametrize(
    ("table", "bad", "order"),
    [
        ("validated_shots", "2021", SEASONS),
        ("validated_games", "2021", SEASONS),
        ("validated_games", "2022", SEASONS[::-1]),
        ("player_game_totals", "2022", ("2022", "2021", "2023")),
    ],
)
def test_a_table_that_fails_its_own_contract_blocks_its_season_only(
    world: World, bad: str, order: tuple[str, ...], table: str
) -> None:
    world.tick()
    requested: set[tuple[str, str]] = set()
    for season in order:
        for asset in RAW:
            world.land(asset, season, f"{asset} {season}")
        requested |= world.settle(refused=frozenset({(table, bad)}))
    good = [season for season in SEASONS if season != bad]
    assert of(EVERYTHING, *good) <= requested
    below = {"validated_shots": TOTALS, "validated_games": {"game_features", "team_states"},
             "player_game_totals": {"game_features", "shot_features", "team_states"}}[table]  # fmt: skip
    assert not requested & of(below, bad)


def test_a_changed_optional_source_does_not_pass_a_failed_check(world: World) -> None:
    world.tick()
    land_all(world)
    world.settle()
    world.land("raw_shots", "2022", BAD)
    world.land("raw_tracking", "2022", "new logs")
    assert world.settle() == set()
    # What was held back is made up for as soon as the check passes, though the shots are the old ones.
    world.land("raw_shots", "2022", "raw_shots 2022")
    assert of(OF_SHOTS, "2022") <= world.settle()
