"""Evidently's reports: what they say and leave out, the same bytes again, and in a browser without a network."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.contracts import KnownAt
from parivision_assets.core.features import Feature
from parivision_assets.quality.drift_reports import classification, comparison, data_drift, sample_rows
from parivision_assets.quality.pages import POLICY, self_contained
from parivision_assets_tests.browser import chromium, watched

__all__ = ["chromium"]


def feature(name: str, dtype: type[pl.DataType] = pl.Float32) -> Feature:
    return Feature(name, name, "", KnownAt.PRE_GAME, "location", pl.col(name), dtype)


FEATURES = (feature("distance"), feature("kind", pl.String), feature("is_home"), feature("empty"), feature("constant"))


def rows(seed: int, n: int = 600, shift: float = 0.0, kinds: tuple[str, ...] = ("jump", "layup")) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "event": [f"{number:05d}" for number in range(n)],
            "distance": rng.normal(10 + shift, 2, n),
            "kind": rng.choice(kinds, n),
            "is_home": rng.integers(0, 2, n).astype(float),
            "empty": pl.Series([None] * n, dtype=pl.Float64),
            "constant": np.full(n, 3.0),
            "label": rng.random(n) < 0.5,
            "probability": rng.uniform(0.3, 0.7, n),
        }
    )


@pytest.fixture(scope="module")
def drift():
    return data_drift(rows(1), rows(2, shift=2.0, kinds=("jump", "layup", "heave")), FEATURES, "a <title>", ["a note"])


@pytest.fixture(scope="module")
def quality():
    return classification(rows(1), rows(2), "label", "quality")


def test_a_column_that_moved_is_named_with_its_distance_and_limit(drift):
    figures = json.loads(drift.figures)
    found = {column["column"]: column for column in figures["columns"]}
    # Two units of a deviation of two: one deviation, against the square root of 0.1.
    assert found["distance"]["method"] == "wasserstein"
    assert found["distance"]["value"] == pytest.approx(1.0, abs=0.15)
    assert found["distance"]["limit"] == pytest.approx(0.1**0.5)
    assert found["distance"]["moved"] is True
    assert found["is_home"]["method"] == "psi"
    assert found["is_home"]["moved"] is False


def test_limits_are_the_summarys(drift):
    page = data_drift(rows(1), rows(2, shift=0.4), FEATURES, "t", psi_limits={"distance": 1.0})
    found = {column["column"]: column for column in json.loads(page.figures)["columns"]}
    assert found["distance"]["limit"] == 1.0
    assert found["distance"]["moved"] is False


def test_what_cannot_be_compared_is_left_out_in_words(drift):
    figures = json.loads(drift.figures)
    assert figures["left_out"] == {"constant": "is always 3.0", "empty": "has no value in the reference"}
    assert figures["unseen_categories"] == {"kind": ["heave"]}
    assert b"constant is always 3.0" in drift.html
    assert b"kind has values that the reference lacks: heave." in drift.html


@pytest.mark.parametrize(
    ("reference", "current", "words"),
    [
        (rows(1), rows(1).head(0), "the window has 0 rows"),
        (rows(1).head(0), rows(1), "the reference has 0 rows"),
        (rows(1).select("event", "constant"), rows(1), "no column can be compared"),
    ],
)
def test_without_rows_or_columns_there_is_no_report_but_a_reason(reference, current, words):
    page = data_drift(reference, current, FEATURES, "t")
    assert words in page.skipped
    assert page.html == b""


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (rows(1).with_columns(label=pl.lit(None, pl.Boolean)), "no prediction has an outcome yet"),
        (rows(1).with_columns(label=pl.lit(value=True)), "all 600 outcomes are 'yes'"),
        (rows(1).head(0), "no prediction has an outcome yet"),
    ],
)
def test_quality_without_outcomes_or_with_one_class_says_so(frame, words):
    assert words in classification(None, frame, "label", "t").skipped


def test_a_reference_that_cannot_be_scored_is_left_out(quality):
    page = classification(rows(1).with_columns(label=pl.lit(value=False)), rows(2), "label", "t")
    assert "Shown without a reference: all 600 outcomes are 'no'" in json.loads(page.figures)["notes"][0]
    assert json.loads(page.figures)["reference"] == {}


def test_quality_figures_are_those_of_the_rows(quality):
    figures = json.loads(quality.figures)
    frame = rows(2)
    label, chance = frame["label"].to_numpy().astype(float), frame["probability"].to_numpy()
    log_loss = -np.mean(label * np.log(chance) + (1 - label) * np.log(1 - chance))
    assert figures["current"]["LogLoss"] == pytest.approx(log_loss)
    assert figures["reference"]["LogLoss"] != figures["current"]["LogLoss"]


def test_constant_then_spread_out_is_left_out():
    compared = comparison(rows(1), rows(2).with_columns(constant=pl.col("distance")), FEATURES)
    assert compared.left_out["constant"] == "is always 3 in the reference, so that no distance has a scale"


def test_a_sample_does_not_depend_on_the_order_of_rows():
    frame = rows(1, 1000)
    sample = sample_rows(frame, ["event"], 100)
    assert sample.height == 100
    assert sample.equals(sample_rows(frame.sample(fraction=1, shuffle=True, seed=3), ["event"], 100))
    assert not sample.equals(sample_rows(frame, ["event"], 100, seed=2))
    # One row of every ten, so that each tenth of the season has its share.
    assert (sample["event"].cast(pl.Int64) // 10).n_unique() == 100


SCRIPT = """
import hashlib
from parivision_assets_tests.quality.test_drift_reports import FEATURES, classification, data_drift, rows
drift = data_drift(rows(1), rows(2, shift=2.0), FEATURES, "t")
quality = classification(rows(1), rows(2), "label", "t")
print("digest:", hashlib.sha256(drift.html + drift.figures + quality.html + quality.figures).hexdigest())
"""


def test_the_same_rows_give_the_same_bytes_in_every_process():
    digests = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT], env={"PYTHONHASHSEED": seed, "DO_NOT_TRACK": "1"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        digests.add(done.stdout.split("digest:")[1])
    assert len(digests) == 1


def test_pages_are_small_and_name_no_other_address(drift, quality):
    for page in (drift, quality):
        assert len(page.html) < 2_500_000
        assert POLICY.encode() in page.html
        assert b"src=" not in page.html
        assert b"<title>" in page.html
    assert b"a &lt;title&gt;" in drift.html


def test_another_shape_of_page_is_refused():
    with pytest.raises(ValueError, match="another shape"):
        self_contained("<html></html>", "t", [])


@pytest.mark.parametrize(("name", "element"), [("drift", "table"), ("quality", ".js-plotly-plot .main-svg")])
def test_chromium_draws_the_page_without_a_network(chromium, tmp_path, request, name, element):
    path = tmp_path / f"{name}.html"
    path.write_bytes(request.getfixturevalue(name).html)
    with watched(chromium) as found:
        found.page.goto(path.as_uri())
        found.page.locator(element).first.wait_for(state="visible", timeout=60_000)
        assert found.page.locator("#state").count() == 0
        assert (found.refused, found.problems) == ([], [])


def test_a_column_unfolds_to_its_plots(chromium, tmp_path, drift):
    path = tmp_path / "drift.html"
    path.write_bytes(drift.html)
    with watched(chromium) as found:
        found.page.goto(path.as_uri())
        found.page.locator("tbody tr button").first.click(timeout=60_000)
        found.page.locator("td .js-plotly-plot .main-svg").last.wait_for(state="visible", timeout=60_000)
        assert (found.refused, found.problems) == ([], [])
