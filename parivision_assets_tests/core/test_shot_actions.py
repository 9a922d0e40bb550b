import polars as pl
import pytest

from parivision_assets.core.shot_actions import FAMILIES, action_family, arena


@pytest.mark.parametrize(
    ("label", "family"),
    [
        ("Driving Dunk Shot", "dunk"),
        ("Running Finger Roll Layup Shot", "layup"),
        ("Turnaround Hook Shot", "hook"),
        ("Driving Floating Jump Shot", "floater"),
        ("Step Back Jump shot", "off_dribble"),
        ("Pullup Jump shot", "off_dribble"),
        ("Turnaround Fadeaway shot", "turning"),
        ("Jump Shot", "plain"),
        (None, None),
    ],
)
def test_a_label_belongs_to_one_family(label: str | None, family: str | None) -> None:
    found = pl.DataFrame({"action_type": [label]}, schema={"action_type": pl.String}).select(action_family())
    assert found.item() == family
    assert family is None or family in FAMILIES


def test_the_arena_is_the_home_teams_whoever_shoots_and_unknown_where_nobody_says() -> None:
    shots = pl.DataFrame(
        {"team": ["ATL", "BOS", "BOS"], "opponent": ["BOS", "ATL", "ATL"], "is_home": [True, False, None]}
    )
    assert shots.select(arena()).to_series().to_list() == ["ATL", "ATL", None]
