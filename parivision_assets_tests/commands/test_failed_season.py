from pathlib import Path

import pytest

from parivision_assets.commands import materialise as command
from parivision_assets.commands.run import Phase, RunResult
from parivision_assets.settings import LeagueSettings, Settings

pytestmark = pytest.mark.filterwarnings("ignore::Warning:dagster", "ignore::Warning:pydantic")


def test_a_failed_season_stops_no_other_season_and_everything_made_from_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def run(_definitions: object, _instance: object, phase: Phase, *_rest: object) -> RunResult:
        ran.append(phase.name)
        bad = phase.season == "2022"
        return RunResult(phase.name, "id", not bad, 0.0, {}, {}, ("raw_shots: a bad file",) if bad else ())

    monkeypatch.setattr(command, "materialise", run)
    settings = Settings(home=tmp_path, league=LeagueSettings(size="small"))
    results = command.run_selection(settings, "*", settings.season_keys)
    assert ran == ["season 2022", "season 2023", "season 2024"]
    skipped = [result for result in results if result.name not in ran]
    assert {result.name for result in skipped} >= {"models and champions", "predictions 2024"}
    assert all(result.problems == (
        "did not run, because season 2022 failed; what was there before stays",
    ) for result in skipped)  # fmt: skip
    with pytest.raises(command.CommandError, match="season 2022: raw_shots: a bad file"):
        command.raise_for_failures(results)
