"""The original's style of serving: an async endpoint that builds a DataFrame and calls an MLflow pyfunc.

Started by `benchmarks/serving.py`; PYFUNC_MODEL names the model's folder.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mlflow.pyfunc
import pandas as pd
from fastapi import FastAPI, Request

served: dict[str, Any] = {}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Load the model once."""
    served["model"] = mlflow.pyfunc.load_model(os.environ["PYFUNC_MODEL"])
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/ready")
async def ready() -> dict[str, bool]:
    """Answer once the model is loaded."""
    return {"ready": True}


@app.post("/predict")
async def predict(request: Request) -> dict[str, float]:
    """Predict one row, given as a JSON object of its features."""
    row = await request.json()
    probability = served["model"].predict(pd.DataFrame([row]))
    return {"prediction": int(probability[0] >= 0.5), "probability": float(probability[0])}
