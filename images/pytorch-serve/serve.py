"""Answers for a model: `POST /predict` with the numbers that it is asked about, `GET /healthz` for whoever wants to know if it works."""

import json
from pathlib import Path

import torch
from fastapi import FastAPI

app = FastAPI()
model = json.loads(Path(__file__).with_name("model.json").read_text())
device = "cuda" if torch.cuda.is_available() else "cpu"
weights = torch.tensor(model["weights"], device=device)
bias = torch.tensor(model["bias"], device=device)


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok", "device": device}


@app.post("/predict")
def predict(numbers: list[float]) -> list[float]:
    return (weights @ torch.tensor(numbers, device=device) + bias).tolist()
