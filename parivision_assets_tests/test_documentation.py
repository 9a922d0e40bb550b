"""What the documentation names exists: commands and options, make targets, assets, jobs, settings, links, pictures."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from parivision_assets.cli import app
from parivision_assets.core.league import ScenarioKind
from parivision_assets.definitions import build_definitions
from parivision_assets.settings import ApiSettings, BetsSettings, LeagueSettings, LoopSettings, Settings

ROOT = Path(__file__).resolve().parents[1]
README, README_FR = ROOT / "README.md", ROOT / "README.fr.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ASSET_NAME = re.compile(
    r"(?:raw|validated|quarantined)_[a-z_]+"
    r"|[a-z_]+_(?:challenger|champion|drift_report|features|totals|leaks|states?|charts|predictions|schedule|decisions)"
)
"""What looks like an asset key: the design's grammar of names (section 4)."""
OTHER_SETTINGS = {"PARIVISION_REQUIRE_REAL_DATA": ROOT / ".ci" / "run"}
"""Variables that are no setting of the platform, and the file that uses them."""
PAGE_IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def fenced(text: str) -> list[tuple[str, str]]:
    """Return (language, content) of every fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def spans(text: str) -> list[str]:
    """Return the inline code of a page, line breaks within it undone."""
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose(text))]


def shell_lines(text: str) -> list[str]:
    blocks = [content for language, content in fenced(text) if language == "sh"]
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def command_lines(text: str, program: str) -> list[list[str]]:
    """Return the words after `program` of every documented call of it, in blocks and inline."""
    start = re.compile(rf"(?:\.venv/bin/)?{program}(?: |$)")
    lines = [line for line in [*shell_lines(text), *spans(text)] if start.match(line)]
    return [shlex.split(line.replace("…", ""), comments=True)[1:] for line in lines]


def headings(text: str) -> list[tuple[int, str]]:
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) (.+)$", prose(text), re.MULTILINE)]


def anchor(title: str) -> str:
    """Return the fragment that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@cache
def command_line() -> Any:
    return typer.main.get_command(app)


def complaints(words: list[str]) -> Iterator[str]:
    """Yield what is wrong with the words after `parivision`, compared with the command line's declaration."""
    command = command_line()
    rest = list(words)
    while rest and not rest[0].startswith("-") and hasattr(command, "commands"):
        if rest[0] not in command.commands:
            yield f"no command '{rest[0]}'"
            return
        command = command.commands[rest.pop(0)]
    options = {name: option for option in command.params for name in option.opts if name.startswith("--")}
    arguments = [parameter for parameter in command.params if parameter.opts[0][0] != "-"]
    values = 0
    while rest:
        word = rest.pop(0)
        if word == ">":
            return
        if word == "--help":
            continue
        if not word.startswith("--"):
            values += 1
        elif word not in options:
            yield f"no option '{word}'"
        elif not options[word].is_flag and (not rest or rest.pop(0).startswith("--")):
            yield f"option '{word}' needs a value"
    if values > len(arguments):
        yield "more values than the command takes"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build_definitions(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def assets(platform: Any) -> dict[str, str]:
    """Return the group of every asset."""
    return {spec.key.to_user_string(): spec.group_name for spec in platform.resolve_all_asset_specs()}


@pytest.fixture(scope="module")
def jobs(platform: Any) -> set[str]:
    return {job.name for job in platform.resolve_all_job_defs()}


def test_the_pages_are_there() -> None:
    wanted = {
        "README.md", "README.fr.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/data.md",
        "docs/modelling.md", "docs/synthetic-league.md", "docs/operations.md", "docs/results.md", "docs/drift.md",
    }  # fmt: skip
    assert wanted <= set(PAGE_IDS)


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_every_command_and_option_exists(page: Path) -> None:
    text = page.read_text()
    for words in command_lines(text, "parivision"):
        assert list(complaints(words)) == [], f"parivision {' '.join(words)}"
    known = {name for command in leaves() for option in command.params for name in option.opts} | {"--help"}
    if page.parent.name != "decisions":
        assert {span for span in spans(text) if re.fullmatch(r"--[a-z-]+", span)} <= known


def leaves() -> Iterator[Any]:
    """Yield every command that does something."""
    waiting = [command_line()]
    while waiting:
        command = waiting.pop()
        waiting.extend(getattr(command, "commands", {}).values())
        if not hasattr(command, "commands"):
            yield command


def test_the_check_of_commands_sees_what_is_wrong() -> None:
    for right in (["run", "--day", "DATE", "--source", "URL"], ["evaluate"], ["--help"], ["simulate", "FOLDER"]):
        assert list(complaints(right)) == []
    for wrong in (["walk"], ["run", "--dya", "DATE"], ["run", "--day"], ["evaluate", "players"], ["demo", "FOLDER"]):
        assert list(complaints(wrong))


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in command_lines(page.read_text(), "make"):
        assert set(words) <= targets, words


@pytest.fixture(scope="module")
def sensors(platform: Any) -> set[str]:
    return {item.name for item in [*(platform.sensors or []), *(platform.schedules or [])]}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_every_asset_group_job_and_scenario_exists(
    page: Path, assets: dict[str, str], jobs: set[str], sensors: set[str]
) -> None:
    text = page.read_text()
    code = spans(text)
    shown = [*code, *shell_lines(text)]
    named = {span for span in code if ASSET_NAME.fullmatch(span)}
    named |= {key for line in shown for key in re.findall(r"key:(\w+)", line)}
    assert named - sensors <= set(assets)
    assert {group for line in shown for group in re.findall(r"group:(\w+)", line)} <= set(assets.values())
    assert {span for span in code if re.fullmatch(r"(?:retrain|release)_[a-z_]+", span)} <= jobs | sensors
    scenarios = {kind.value for kind in ScenarioKind}
    assert {name for line in shown for name in re.findall(r"--scenario (\w+)", line)} <= scenarios


def test_every_asset_is_described(assets: dict[str, str]) -> None:
    named = spans((ROOT / "docs" / "architecture.md").read_text())
    assert set(assets) - set(named) == set()
    assert set(assets.values()) - set(named) == set()


def test_every_job_sensor_check_and_scenario_is_described(platform: Any, jobs: set[str], sensors: set[str]) -> None:
    named = spans((ROOT / "docs" / "operations.md").read_text())
    assert ({job for job in jobs if not job.startswith("__")} | sensors) - set(named) == set()
    checks = {key.name for key in platform.resolve_asset_graph().asset_check_keys}
    assert checks - {name for page in PAGES for name in spans(page.read_text())} == set()
    league = spans((ROOT / "docs" / "synthetic-league.md").read_text())
    assert {kind.value for kind in ScenarioKind} - set(league) == set()


def settings_variables() -> set[str]:
    nested = {"LEAGUE": LeagueSettings, "LOOP": LoopSettings, "API": ApiSettings, "BETS": BetsSettings}
    own = {f"PARIVISION_{name.upper()}" for name in Settings.model_fields if name.upper() not in nested}
    for part, settings in nested.items():
        for name, field in settings.model_fields.items():
            own.add(str(field.validation_alias or f"PARIVISION_{part}_{name.upper()}"))
    return own


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_every_setting_exists(page: Path) -> None:
    named = set(re.findall(r"PARIVISION_[A-Z_]+", page.read_text()))
    for name in named - settings_variables():
        assert name in OTHER_SETTINGS, name
        assert name in OTHER_SETTINGS[name].read_text()


@pytest.mark.parametrize("page", [README, README_FR], ids=["en", "fr"])
def test_every_setting_is_described(page: Path) -> None:
    assert settings_variables() - set(spans(page.read_text())) == set()


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_every_link_and_picture_exists(page: Path) -> None:
    for label, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", prose(page.read_text())):
        assert label, f"a link or picture to {target} has no text"
        path, _, fragment = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        if fragment:
            assert fragment in {anchor(title) for _, title in headings(found.read_text())}, target


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_every_file_of_the_project_that_is_named_exists(page: Path) -> None:
    folders = r"(?:parivision_assets|parivision_assets_tests|benchmarks|docs|\.ci|app)"
    for span in spans(page.read_text()):
        if re.fullmatch(rf"{folders}/[\w./-]*", span):
            assert (ROOT / span).exists(), span


def test_the_french_page_says_the_same() -> None:
    english, french = README.read_text(), README_FR.read_text()
    assert [level for level, _ in headings(french)] == [level for level, _ in headings(english)]
    assert [title for _, title in headings(french)] != [title for _, title in headings(english)]
    assert fenced(french) == fenced(english)
    for program in ("parivision", "make"):
        assert command_lines(french, program) == command_lines(english, program)
    links = r"\]\(([^)\s]+)\)"
    others = {"README.md", "README.fr.md"}
    assert [t for t in re.findall(links, french) if t not in others] == [
        t for t in re.findall(links, english) if t not in others
    ]
    tables = r"^\|"
    assert len(re.findall(tables, french, re.MULTILINE)) == len(re.findall(tables, english, re.MULTILINE))
