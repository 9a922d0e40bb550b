"""The command line on small leagues: what it prints for people and programs, and one plain line when it fails."""

import datetime as dt
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from parivision_assets import cli
from parivision_assets.core.league import LeagueConfig, generate
from parivision_assets.sources.synthetic import write_day, write_league
from parivision_assets.stores.chain import Entry, Kind
from parivision_assets.stores.locks import home_lock
from parivision_assets_tests.small_platform import SmallPlatform, environment

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

Run = Callable[..., tuple[int, str, str]]
COMMAND = str(Path(sys.executable).parent / "parivision")


@pytest.fixture
def parivision(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in this process: (exit status, standard output, standard error)."""

    def run(*arguments: str, small: SmallPlatform | None = None) -> tuple[int, str, str]:
        for name, value in ({} if small is None else environment(small)).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["parivision", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def said(error: str) -> str:
    """Return the one line that a failed command prints; a traceback is not one."""
    lines = [line for line in error.splitlines() if line.startswith("parivision: ")]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    return lines[0]


def test_run_prints_json_for_programs(parivision: Run, own: SmallPlatform) -> None:
    code, out, _ = parivision("run", "--select", "key:raw_odds", "--seasons", "2022", "--json", small=own)
    found = json.loads(out)
    assert code == 0
    assert found["ok"] is True
    (run,) = found["runs"]
    assert (run["name"], run["succeeded"], run["assets"]) == ("season 2022", True, {"raw_odds": "published"})
    assert run["rows"]["raw_odds"] > 0


def test_run_prints_a_table_for_people(parivision: Run, own: SmallPlatform) -> None:
    code, out, _ = parivision("run", "--select", "key:raw_odds", "--seasons", "2022", small=own)
    assert code == 0
    assert "season 2022" in out
    assert "succeeded" in out


FAILING = {
    "unknown season": (["run", "--seasons", "1999"], "1999 are not configured; PARIVISION_SEASONS has 2022-2023"),
    "no season": (["run", "--seasons", "soon"], "'soon' is neither a year nor a range"),
    "unknown asset": (["run", "--select", "key:nothing"], "selects no asset"),
    "no shots there": (["evaluate", "shots", "--test-season", "2022", "--shots-url", "{tmp}/none"], "none"),
    "no odds there": (["evaluate", "games", "--test-seasons", "2022", "--odds-url", "{tmp}"], "no odds file"),
    "unknown scenario": (["simulate", "{tmp}/l", "--scenario", "meteor"], "no scenario 'meteor'; choose one of"),
    "no such day": (["run", "--day", "2022-01-02", "--source", "{tmp}"], "holds no file of 2022-01-02"),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failure_is_one_plain_line(parivision: Run, own: SmallPlatform, tmp_path: Path, case: str) -> None:
    arguments, words = FAILING[case]
    (tmp_path / "empty").mkdir()
    code, _, err = parivision(*(a.replace("{tmp}", str(tmp_path / "empty")) for a in arguments), small=own)
    assert code == 1
    assert words in said(err)


def test_a_failure_is_json_where_a_program_reads(parivision: Run, own: SmallPlatform) -> None:
    code, out, _ = parivision("run", "--seasons", "1999", "--json", small=own)
    assert code == 1
    assert "1999" in json.loads(out)["error"]


def test_day_and_source_belong_together(parivision: Run, own: SmallPlatform) -> None:
    code, _, err = parivision("run", "--day", "2022-01-02", small=own)
    assert code == 2
    assert "belong together" in err


def test_a_bad_file_fails_the_command_with_the_reason(parivision: Run, own: SmallPlatform) -> None:
    (own.published.shots / "NBA_2022_Shots.csv.zip").write_bytes(b"<html>")
    code, _, err = parivision("run", "--select", "key:raw_shots", "--seasons", "2022", small=own)
    assert code == 1
    assert "season 2022: raw_shots: NBA_2022_Shots.csv.zip" in said(err)


def test_ledger_lists_verifies_and_exports(parivision: Run, own: SmallPlatform) -> None:
    ledger = own.home.ledger
    ledger.append(Entry(Kind.QUARANTINE_RELEASE, "validated_shots", "ann", "seen on film", {"season": "2022"}),
                  ledger.head())  # fmt: skip
    code, out, _ = parivision("ledger", "list", "--json", small=own)
    assert (code, json.loads(out)[0]["reason"]) == (0, "seen on film")
    code, out, _ = parivision("ledger", "list", small=own)
    assert "seen on film" in out
    code, out, _ = parivision("ledger", "verify", "--json", small=own)
    found = json.loads(out)
    assert (code, found["intact"], found["entries"], found["head"]) == (0, True, 1, str(ledger.head()))
    code, out, _ = parivision("ledger", "export", small=own)
    assert [json.loads(line)["actor"] for line in out.splitlines()] == ["ann"]


def test_a_changed_ledger_is_found_out(parivision: Run, own: SmallPlatform) -> None:
    import sqlite3

    ledger = own.home.ledger
    ledger.append(Entry(Kind.QUARANTINE_RELEASE, "t", "ann", "seen on film", {"season": "2022"}), ledger.head())
    with sqlite3.connect(own.settings.home / "ledger.db") as database:
        database.execute("DROP TRIGGER ledger_refuses_update")
        database.execute("UPDATE ledger SET reason = 'never seen'")
    database.close()
    code, _, err = parivision("ledger", "verify", small=own)
    assert code == 1
    assert "not intact" in said(err)


def test_simulate_writes_published_formats(parivision: Run, tmp_path: Path) -> None:
    folder = tmp_path / "league"
    code, out, _ = parivision("simulate", str(folder), "--small", "--seasons", "1", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["seasons"] == [2022]
    assert (folder / "shots" / "NBA_2022_Shots.csv.zip").is_file()
    for name in ("shots", "games", "odds", "tracking", "forecasts", "truth"):
        assert Path(found[name]).exists(), name


FIGURES = {"log_loss", "log_loss_se", "brier", "accuracy", "roc_auc", "ece"}


def has_shape(found: dict[str, Any], season: str, contestants: set[str], absent: frozenset[str] = frozenset()) -> None:
    assert set(found) >= {"target", "pooled", "seasons", "seconds"}
    assert set(found["seasons"]) == {season}
    assert found["seasons"][season]["train_seasons"]
    for part in (found["pooled"], found["seasons"][season]):
        assert part["n"] > 0
        for name in contestants:
            if name in absent:
                assert part[name] is None
            else:
                assert set(part[name]) >= FIGURES, name


def test_evaluate_shots_prints_the_figures_of_every_contestant(parivision: Run, filled: SmallPlatform) -> None:
    shots = str(filled.published.shots)
    code, out, err = parivision("evaluate", "shots", "--test-season", "2023", "--shots-url", shots, "--json")
    assert code == 0, err
    has_shape(json.loads(out), "2023", {"post_event", "pre_release", "constant", "zone_mean"})
    assert json.loads(out)["seasons"]["2023"]["train_seasons"] == [2022]


def test_evaluate_games_prints_the_figures_of_every_contestant(parivision: Run, tmp_path: Path) -> None:
    paths = write_league(LeagueConfig(seed=3, first_season=2020, seasons=3, teams=6, games_per_team=30), tmp_path)
    code, out, err = parivision(
        "evaluate", "games", "--test-seasons", "2022", "--odds-url", str(paths.odds),
        "--forecasts-url", str(paths.forecasts), "--json",
    )  # fmt: skip
    assert code == 0, err
    has_shape(json.loads(out), "2022", {"model", "home", "elo", "closing_line", "published"})


def test_one_more_day_is_landed(parivision: Run, own: SmallPlatform, tmp_path: Path) -> None:
    league = generate(LeagueConfig(seed=5, first_season=2022, seasons=2, teams=4, games_per_team=6, shots_per_game=40))
    newest = own.home.tables.read("validated_shots", "2023")["game_date"].max()
    assert isinstance(newest, dt.date)
    day = tmp_path / "day"
    written = write_day(league, day, newest)
    assert written
    shots = next(path for path in written if "Shots" in path.name)
    text = shots.read_text().splitlines()
    shots.write_text("\n".join(text[:-5]) + "\n")
    before = own.home.tables.read("validated_shots", "2023")
    code, out, err = parivision("run", "--day", str(newest), "--source", str(shots.parent), "--json", small=own)
    assert code == 0, err
    after = own.home.tables.read("validated_shots", "2023")
    # The newest file supplies all rows of its games: the day lost five shots, nothing else changed.
    kept = pl.col("game_date") < newest
    assert after.filter(kept).equals(before.filter(kept))
    assert after.height == before.height - 5
    assert json.loads(out)["ok"] is True


def test_a_day_file_of_another_date_is_refused(parivision: Run, own: SmallPlatform, tmp_path: Path) -> None:
    league = generate(LeagueConfig(seed=5, first_season=2022, seasons=2, teams=4, games_per_team=6, shots_per_game=40))
    newest = own.home.tables.read("validated_shots", "2023")["game_date"].max()
    assert isinstance(newest, dt.date)
    shots = next(path for path in write_day(league, tmp_path / "day", newest) if "Shots" in path.name)
    other = newest - dt.timedelta(days=1)
    renamed = shots.with_name(f"NBA_2023_Shots.{other}.csv")
    shots.rename(renamed)
    before = own.digests()
    code, _, err = parivision("run", "--day", str(other), "--source", str(renamed), small=own)
    assert code == 1
    assert f"{renamed.name}, row 1: every row of a day file must be of {other}" in said(err)
    assert own.digests() == before


def test_a_second_copy_is_told_who_is_at_work(parivision: Run, own: SmallPlatform) -> None:
    code = "import sys,time\nfrom parivision_assets.stores.locks import home_lock\n"
    code += "with home_lock(sys.argv[1], 'parivision demo'):\n    print('held', flush=True)\n    time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(own.settings.home)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        exit_code, _, err = parivision("run", "--select", "key:raw_odds", small=own)
        holder.kill()
    assert exit_code == 1
    assert "parivision demo" in said(err)
    assert str(holder.pid) in said(err)
    # A kill frees the home.
    with home_lock(own.settings.home, "test"):
        pass


def command(small: SmallPlatform, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=200,
        env={**os.environ, **environment(small)}, **options,
    )  # fmt: skip


def test_a_full_disk_is_one_plain_line_and_the_next_run_works(own: SmallPlatform) -> None:
    def no_space() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    before = own.digests()
    full = command(own, "run", "--select", "key:raw_shots", "--seasons", "2022", preexec_fn=no_space)
    assert full.returncode == 1, full.stderr
    said(full.stderr)
    assert own.digests() == before
    (after,) = own.run("key:raw_shots", ["2022"])
    assert after.succeeded, after.problems


_UNPRIVILEGED = """
import os, sys
import limits  # settings import it when they check a limit
from parivision_assets import cli
from parivision_assets.commands import materialise
# Root may write anywhere: give that right up, after the imports.
os.getuid() or os.setuid(65534)
sys.argv = ["parivision", "run", "--select", "key:raw_shots", "--seasons", "2022"]
cli.main()
"""


def test_a_read_only_home_is_one_plain_line_and_the_next_run_works(own: SmallPlatform) -> None:
    before = own.digests()
    parent = own.settings.home.parent
    for path in [parent, *parent.parents[:-1]]:
        if path.stat().st_uid == os.getuid():
            path.chmod(path.stat().st_mode | 0o055)
    for path in own.settings.home.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    own.settings.home.chmod(0o555)
    refused = subprocess.run(
        [sys.executable, "-c", _UNPRIVILEGED], capture_output=True, text=True, check=False, timeout=200,
        env={**os.environ, **environment(own)},
    )  # fmt: skip
    assert refused.returncode == 1, refused.stderr
    assert "may not be written" in said(refused.stderr)
    for path in [own.settings.home, *own.settings.home.rglob("*")]:
        path.chmod(0o755)
    assert own.digests() == before
    (after,) = own.run("key:raw_shots", ["2022"])
    assert after.succeeded, after.problems


_KILLED = """
import os, signal, sys
from parivision_assets import cli
from parivision_assets.stores.tables import TableStore
def killed(*_): os.kill(os.getpid(), signal.SIGKILL)
TableStore.write_encoded = killed
sys.argv = ["parivision", "run", "--select", "key:raw_shots or key:validated_shots", "--seasons", "2022"]
cli.main()
"""


def test_a_kill_in_the_middle_of_an_asset_leaves_a_platform_that_works(own: SmallPlatform) -> None:
    import dagster as dg

    from parivision_assets.defs.instance import open_instance

    before = own.digests()
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED], capture_output=True, text=True, check=False, timeout=200,
        env={**os.environ, **environment(own)},
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
    assert own.digests() == before
    with open_instance(own.home) as instance:
        unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
        assert instance.get_runs(unfinished) == []
    (after,) = own.run("key:raw_shots or key:validated_shots", ["2022"])
    assert after.succeeded, after.problems
    assert own.digests() == before
