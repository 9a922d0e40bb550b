"""Season partitions and the mappings between them. Seasons are named by the year in which they end."""

from collections.abc import Sequence

import dagster as dg

from parivision_assets.core.history import needed_seasons


def season_partitions(season_keys: Sequence[str]) -> dg.StaticPartitionsDefinition:
    """Return the static season partitions of this installation, oldest first."""
    return dg.StaticPartitionsDefinition(list(season_keys))


def needed_history(season_keys: Sequence[str]) -> dg.StaticPartitionMapping:
    """Return the mapping by which a season's features read the totals of itself and of the few seasons before it."""
    return _mapping(
        season_keys, {key: {str(s) for s in needed_seasons(int(key), map(int, season_keys))} for key in season_keys}
    )


def this_and_earlier(season_keys: Sequence[str]) -> dg.StaticPartitionMapping:
    """Return the mapping by which a season depends on itself and on all earlier seasons."""
    return _mapping(
        season_keys, {key: {earlier for earlier in season_keys if int(earlier) <= int(key)} for key in season_keys}
    )


def _mapping(season_keys: Sequence[str], upstream_of: dict[str, set[str]]) -> dg.StaticPartitionMapping:
    downstream = {up: sorted(key for key in season_keys if up in upstream_of[key]) for up in season_keys}
    return dg.StaticPartitionMapping(downstream)
