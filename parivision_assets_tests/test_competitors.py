"""Who is compared in the benchmarks: what is measured can be installed again."""

import re

from parivision_assets_tests.test_documentation import ROOT

NEEDS = ROOT / "benchmarks" / "competitors" / "bentoml-requirements.txt"


def test_everything_that_bentoml_runs_on_is_pinned_and_comes_from_no_address() -> None:
    lines = NEEDS.read_text().splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
    assert {"bentoml", "onnxruntime", "numpy"} <= {line.partition("==")[0] for line in lines}
    assert NEEDS.name in (ROOT / "benchmarks" / "contestants.py").read_text()
