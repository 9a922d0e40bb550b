"""`parivision ...`: options and help. What each command does is in `commands`, imported only when it runs."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="parivision",
    help="Shot and game probabilities for basketball, from raw files to models promoted only when proven better.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
evaluate_app = typer.Typer(help="The yardstick: train on earlier seasons, score later ones, beside every baseline.")
ledger_app = typer.Typer(help="The record of every decision: list it, check its chain, export it.")
keys_app = typer.Typer(help="The keys with which programs ask the API: make, list and revoke them.")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(ledger_app, name="ledger")
app.add_typer(keys_app, name="keys")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables for people.")]
Actor = Annotated[str, typer.Option(help="Who decides; recorded in the ledger.")]
Reason = Annotated[str, typer.Option(help="Why; recorded in the ledger.")]
Url = Annotated[str | None, typer.Option(help="Folder or file: local, http(s) or s3.")]


@app.command()
def demo(
    as_json: Json = False,
    small: Annotated[bool, typer.Option(help="A small league, for a quick look.")] = False,
) -> None:
    """Invent a league, run the whole platform on it, and print what was promoted and how good it is."""
    from parivision_assets.commands.demo import run_demo

    run_demo(small=small, as_json=as_json)


@app.command()
def run(
    select: Annotated[
        str, typer.Option(help="Dagster asset selection, such as 'group:features' or 'key:raw_shots+'.")
    ] = "*",
    seasons: Annotated[
        str | None, typer.Option(help="Seasons by the year in which they end: 2021 or 2015-2021.")
    ] = None,
    day: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Land one date's files first.")] = None,
    source: Annotated[str | None, typer.Option(help="Where the day's files are: a folder, one file, or live.")] = None,
    as_json: Json = False,
) -> None:
    """Materialise assets season by season, then models and champions; or land one new day with --day and --source."""
    from parivision_assets.commands.materialise import run_command

    if (day is None) != (source is None):
        raise typer.BadParameter("--day and --source belong together: the date, and where its files are")
    run_command(select, seasons, day.date() if day else None, source, as_json=as_json)


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same league everywhere.")] = 22,
    seasons: Annotated[int, typer.Option(help="How many seasons.", min=1)] = 3,
    first_season: Annotated[int, typer.Option(help="Year in which the first season ends.")] = 2022,
    small: Annotated[bool, typer.Option(help="A small league for trying things out.")] = False,
    scenario: Annotated[str | None, typer.Option(help="A change to inject, such as rule_change; see docs.")] = None,
    starts: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When the scenario starts.")] = None,
    until: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Hold back later games.")] = None,
    day: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Add one held-back day's files.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a synthetic league in the publishers' formats, its truth in a folder apart."""
    from parivision_assets.commands.simulate import league_config, write

    config = league_config(seed, first_season, seasons, scenario, _date(starts), _date(until), small=small)
    write(config, folder, _date(day), as_json=as_json)


def _date(moment: dt.datetime | None) -> dt.date | None:
    return None if moment is None else moment.date()


@evaluate_app.command("shots")
def evaluate_shots(
    test_season: Annotated[
        str, typer.Option("--test-season", "--test-seasons", help="Season or seasons to score, 2021 or 2018-2021.")
    ],
    shots_url: Annotated[str, typer.Option(help="Folder of NBA_{season}_Shots.csv[.zip|.gz].")],
    tracking_url: Url = None,
    as_json: Json = False,
) -> None:
    """Score shot models (pre-release and post-event) beside the constant and the zone mean."""
    from parivision_assets.commands.evaluate import shots

    shots(test_season, shots_url, tracking_url, as_json=as_json)


@evaluate_app.command("games")
def evaluate_games(
    test_seasons: Annotated[str, typer.Option("--test-seasons", "--test-season", help="Seasons to score, 2016-2020.")],
    odds_url: Annotated[str, typer.Option(help="Folder or file of the betting archive.")],
    forecasts_url: Url = None,
    games_url: Url = None,
    shots_url: Url = None,
    as_json: Json = False,
) -> None:
    """Score the game model beside home team, Elo, closing line and published forecasts, on the same games."""
    from parivision_assets.commands.evaluate import games

    games(test_seasons, odds_url, forecasts_url, games_url, shots_url, as_json=as_json)


@ledger_app.command("list")
def ledger_list(
    target: Annotated[str | None, typer.Option(help="Only one target's entries.")] = None, as_json: Json = False
) -> None:
    """Show every decision with its reason, oldest first."""
    from parivision_assets.commands.ledger import show

    show(target, as_json=as_json)


@ledger_app.command("verify")
def ledger_verify(as_json: Json = False) -> None:
    """Check the chain of digests against itself and the heads kept in MLflow runs and assets' metadata."""
    from parivision_assets.commands.ledger import verify

    verify(as_json=as_json)


@ledger_app.command("migrate")
def ledger_migrate(as_json: Json = False) -> None:
    """Bring the database to this version's revision; as often as you like, by several at once."""
    from parivision_assets.commands.ledger import migrate

    migrate(as_json=as_json)


@ledger_app.command("export")
def ledger_export() -> None:
    """Print the ledger as JSON lines for an auditor."""
    from parivision_assets.commands.ledger import export

    export()


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="The program that asks, such as score-board; no person's name.")],
    actor: Actor,
    reason: Reason,
    expires: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Its last day, UTC.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once."""
    from parivision_assets.commands.keys import create

    create(name, _date(expires), actor, reason, as_json=as_json)


@keys_app.command("list")
def keys_list(as_json: Json = False) -> None:
    """Show every key that was ever made, without its secret."""
    from parivision_assets.commands.keys import show

    show(as_json=as_json)


@keys_app.command("revoke")
def keys_revoke(
    which: Annotated[str, typer.Argument(help="A key's id, or its name where only one bears it.")],
    actor: Actor,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """End a key; services follow within seconds."""
    from parivision_assets.commands.keys import revoke

    revoke(which, actor, reason, as_json=as_json)


@app.command()
def receipt(
    prediction_id: Annotated[str, typer.Argument(help="The id that came with the answer.")],
    replay: Annotated[bool, typer.Option("--replay", help="Recompute it from the recorded versions.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is behind one answer, back to the raw files' digests."""
    from parivision_assets.commands.receipt import show

    show(prediction_id, with_replay=replay, as_json=as_json)


@app.command()
def replay(
    folder: Annotated[Path, typer.Option(help="The replay's own home; the same question goes on where it was.")],
    seasons: Annotated[str | None, typer.Option(help="Seasons to live: 2024 or 2008-2021.")] = None,
    learn: Annotated[str | None, typer.Option(help="Seasons of the first champion; all earlier ones if empty.")] = None,
    targets: Annotated[str | None, typer.Option(help="Targets, comma-separated; all three if empty.")] = None,
    budget: Annotated[float, typer.Option(help="Share of the pinned boosting rounds.", min=0.05, max=1.0)] = 1.0,
    until: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Stop after this date.")] = None,
    scenario: Annotated[str | None, typer.Option(help="A change in the league, such as rule_change.")] = None,
    starts: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When the change starts.")] = None,
    seed: Annotated[int, typer.Option(help="The league's seed.")] = 22,
    teams: Annotated[int, typer.Option(help="The league's teams.", min=4, max=30)] = 30,
    games: Annotated[int, typer.Option(help="Games of each team a season.", min=2)] = 40,
    quick: Annotated[bool, typer.Option(help="By the core alone: no runs, ledger or reports are kept.")] = False,
    as_json: Json = False,
) -> None:
    """Live seasons again day by day through the real loop: the configured archives, or a league with a scenario."""
    from parivision_assets.commands.replay.command import Asked, run_command

    league = (scenario, _date(starts), seed, teams, games)
    asked = Asked(folder, seasons, learn, targets, budget, _date(until), *league, quick)
    run_command(asked, as_json=as_json)


@app.command()
def drift(
    target: Annotated[str, typer.Option(help="What is predicted: shot_pre_release, shot_post_event or game.")],
    first: Annotated[dt.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First game date.")] = None,
    last: Annotated[dt.datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last game date.")] = None,
    champion: Annotated[str | None, typer.Option(help="Digest of another model than the one that serves.")] = None,
    as_json: Json = False,
) -> None:
    """Report whether the input, the relation or the data moved: over a window of dates, or over the newest games."""
    from parivision_assets.commands.drift import report

    report(target, _date(first), _date(last), champion, as_json=as_json)


@app.command()
def reports(
    port: Annotated[int, typer.Option(help="Port of the pages.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; this machine only unless said.")] = "127.0.0.1",
) -> None:
    """Serve the drift reports as pages."""
    from parivision_assets.commands.reports import serve

    serve(host, port)


@app.command()
def api(
    port: Annotated[int | None, typer.Option(help="Port; 3000 unless set in the environment.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; this machine only unless said.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that answer.", min=1, max=64)] = 1,
) -> None:
    """Serve predictions of shots and games over HTTP."""
    from parivision_assets.commands.api import serve

    serve(host, port, workers)


@app.command()
def bets(
    port: Annotated[int | None, typer.Option(help="Port; PARIVISION_BETS_PORT or 8800 unless said.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; this machine only unless said.")] = None,
) -> None:
    """Serve VirtualBets: play money on the coming games, and the data feed."""
    from parivision_assets.commands.bets import serve

    serve(host, port)


@app.command()
def feed(
    days: Annotated[int | None, typer.Option(help="How many days; all that are held back if empty.", min=1)] = None,
    speed: Annotated[float, typer.Option(help="Seconds of play in a second; 0 for no pauses.", min=0)] = 600,
    api_url: Annotated[str | None, typer.Option("--api", help="The API's address; this machine's if empty.")] = None,
    bets_url: Annotated[
        str | None, typer.Option("--bets", help="VirtualBets' address; this machine's if empty.")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Go on before the platform knows a day.")] = False,
    as_json: Json = False,
) -> None:
    """Live the coming days: score every shot and game, then publish its day, which the platform lands."""
    from parivision_assets.commands.feed import run_command

    run_command(days, speed, api_url, bets_url, wait=not no_wait, as_json=as_json)


@app.command()
def up(
    dagster_port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3070,
    reports_port: Annotated[int, typer.Option(help="Port of the drift reports.")] = 8000,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow.")] = 5000,
) -> None:
    """Start everything on this machine: Dagster, the API, VirtualBets, drift reports, MLflow. Ctrl-C stops it."""
    from parivision_assets.commands.up import Ports, start

    start(Ports(dagster_port, reports_port, mlflow_port))


@app.command()
def dev(port: Annotated[int, typer.Option(help="Port of the UI on this machine.")] = 3070) -> None:
    """Start the Dagster UI and daemon on the persistent instance."""
    from parivision_assets.commands.dev import start

    start(port)


def main() -> None:
    """Run the command line; an expected failure is one line on standard error and exit status 1."""
    try:
        app(standalone_mode=True)
    except Exception as error:
        # Which failures are expected is asked only of a failure: the stores' libraries take a second to import.
        from parivision_assets.errors import expected_errors, in_words

        if not isinstance(error, expected_errors()):
            raise
        message = in_words(error)
        if "--json" in sys.argv:
            sys.stdout.write(json.dumps({"error": message}) + "\n")
        sys.stderr.write(f"parivision: {message}\n")
        raise SystemExit(1) from error
