"""The champion's trees as ONNX behind BentoML: one worker, one thread, rows of features in, probabilities out.

Started by `benchmarks/serving.py` in an environment of its own; ONNX_MODEL names the file.
"""

from __future__ import annotations

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1, traffic={"timeout": 60})
class Trees:
    """One model."""

    def __init__(self) -> None:
        """Load the model once."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            os.environ["ONNX_MODEL"], options, providers=["CPUExecutionProvider"]
        )

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        """Return the probability of each row."""
        margin = self.session.run(None, {"rows": np.asarray(rows, dtype=np.float32)})[0][:, 0]
        return [float(value) for value in 1.0 / (1.0 + np.exp(-margin))]
