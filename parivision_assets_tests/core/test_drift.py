import datetime as dt
import json

import pytest

from parivision_assets.core.drift import (
    Attribution,
    ColumnHarm,
    ColumnShift,
    DriftSummary,
    InputAnswer,
    QualityAnswer,
    RelationAnswer,
    Severity,
    summarise,
)

WINDOW = (dt.date(2031, 11, 1), dt.date(2031, 11, 20))
STILL = InputAnswer(False, (ColumnShift("zone", 0.001, 0.006, False, "share of Mid-Range +0.1%"),), "no input moved")
SHIFTED = InputAnswer(True, (ColumnShift("points_value", 0.02, 0.006, True, "share of 3 +6%"),), "points_value moved")
HOLDS = RelationAnswer(False, 0.0001, 0.0003, 0.0, None, (ColumnHarm("zone", 0.0001),), 9000, 10, "the relation holds")
MOVED = RelationAnswer(
    True, 0.004, 0.0005, 30.0, dt.date(2031, 11, 4), (ColumnHarm("zone", 0.004), ColumnHarm("quarter", 0.001)),
    9000, 10, "the relation has moved",
)  # fmt: skip
UNSEEN = RelationAnswer(False, 0.0, None, 0.0, None, (), 0, 0, "no labelled game day")
SOUND = QualityAnswer(False, (), 9000, 0, "9,000 events")
LATE = QualityAnswer(False, ("90% wait for an outcome",), 9000, 8100, "late")
BROKEN = QualityAnswer(True, ("spots off the court",), 9000, 0, "blocking check shots_on_court failed")
PARTS = Attribution(0.64, 0.645, 0.005, 0.001, 0.0, 0.004, 0.001, (ColumnHarm("zone", 0.004),), 0.0004, 0.0005)


def summary(input_answer=STILL, relation=HOLDS, quality=SOUND, attribution=PARTS, outcomes=(4000, 5000)):
    return summarise(
        "game", "digest", WINDOW, input_answer=input_answer, relation=relation, quality=quality,
        attribution=attribution, outcomes=outcomes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("input_answer", "relation", "quality", "verdict", "severity", "retrain"),
    [
        (STILL, HOLDS, SOUND, "none", Severity.NONE, False),
        (SHIFTED, HOLDS, SOUND, "input", Severity.MINOR, False),
        (STILL, MOVED, SOUND, "concept", Severity.MAJOR, True),
        (SHIFTED, MOVED, SOUND, "input and concept", Severity.MAJOR, True),
        (SHIFTED, MOVED, BROKEN, "data broken", Severity.MAJOR, False),
        (STILL, MOVED, LATE, "pending", Severity.MINOR, False),
        (SHIFTED, UNSEEN, LATE, "input and pending", Severity.MINOR, False),
        (STILL, UNSEEN, SOUND, "pending", Severity.MINOR, False),
    ],
)
def test_three_answers_make_one_verdict(input_answer, relation, quality, verdict, severity, retrain):
    found = summary(input_answer, relation, quality)
    assert found.verdict == verdict
    assert found.retrain == retrain
    if quality is not LATE or relation is not MOVED:
        assert found.severity == severity


def test_little_harm_is_minor():
    little = RelationAnswer(**{**vars(MOVED), "harm_nats": 0.0007})
    assert summary(relation=little).severity == Severity.MINOR
    assert summary(relation=little).retrain


def test_drifted_names_inputs_and_the_column_whose_relation_moved():
    assert summary(SHIFTED, MOVED).drifted == ("points_value", "zone")
    assert summary().drifted == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quality": QualityAnswer(False, (), 0, 0, ""), "relation": UNSEEN}, "no games in the window"),
        ({"quality": LATE}, "8,100 of 9,000 events wait for their outcome"),
        ({"quality": LATE}, "90% wait for an outcome"),
        ({"outcomes": (40, 0)}, "all 40 outcomes known in the window are 1"),
        ({"outcomes": (0, 40)}, "all 40 outcomes known in the window are 0"),
        ({"attribution": None}, "not attributed"),
        ({"quality": BROKEN}, "nothing is learnt from it: blocking check shots_on_court failed"),
        ({"input_answer": InputAnswer(False, (), "no recorded reference")}, "no recorded reference"),
        ({"relation": MOVED}, "the relation has moved"),
    ],
)
def test_reason_says_what_is_the_matter(changes, words):
    assert words in summary(**changes).reason


def test_both_outcomes_need_no_word():
    assert "outcomes known" not in summary().reason
    assert "outcomes known" not in summary(outcomes=None).reason


@pytest.mark.parametrize("found", [summary(SHIFTED, MOVED), summary(relation=UNSEEN, attribution=None)])
def test_summary_survives_json(found):
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert DriftSummary.from_dict(json.loads(text)) == found
    assert '"2031-11-01"' in text


def test_unknown_or_missing_parts_are_named():
    values = summary().to_dict()
    del values["reason"]
    with pytest.raises(ValueError, match="missing or unknown mood, reason"):
        DriftSummary.from_dict({**values, "mood": "good"})
