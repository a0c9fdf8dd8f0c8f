"""Ablations as tests ask for them: a request, its record, a sweep."""

from typing import Any

from fastapi.testclient import TestClient

import tiny
from app.schemas import Ablation, CircuitDetail
from app.schemas.lab import Sweep

MODEL = {"kind": "model", "model": tiny.MODEL, "task": tiny.TASK}


def body(target: CircuitDetail | dict[str, str], *asked: dict[str, Any], **more: Any) -> dict[str, Any]:
    where = target if isinstance(target, dict) else {"kind": "circuit", "circuit": target.id}
    return {"target": where, "interventions": list(asked), "n_pairs": tiny.N_PAIRS} | more


def done(client: TestClient, *args: Any, **more: Any) -> Ablation:
    response = client.post("/ablations", json=body(*args, **more))
    assert response.status_code in (200, 201), response.text
    return Ablation.model_validate_json(response.text)


def on(where: str, mode: str = "mean", **amount: float) -> dict[str, Any]:
    return {"on": where, "mode": mode, **amount}


def swept(client: TestClient, circuit: CircuitDetail, mode: str) -> Sweep:
    response = client.post(f"{circuit.url}/sweeps", json={"mode": mode, "n_pairs": tiny.N_PAIRS})
    assert response.status_code == 200, response.text
    return Sweep.model_validate_json(response.text)
