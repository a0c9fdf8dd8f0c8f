"""Where a job stood, written down: a snapshot as safetensors, with its numbers in the header. Nothing is unpickled."""

import json
import logging

from safetensors import SafetensorError
from safetensors.torch import load, save

from app.artifacts import Artifacts
from model.snapshot import Snapshot

log = logging.getLogger(__name__)

FOLDER = "checkpoints"
_FORMAT = "sparsescope-checkpoint/1"


class Checkpoints:
    """One a job, the last."""

    def __init__(self, artifacts: Artifacts) -> None:
        self.artifacts = artifacts

    def write(self, job_id: str, held: Snapshot) -> None:
        header = {"format": _FORMAT, "step": str(held.step), "numbers": json.dumps(held.numbers)}
        tensors = {name: tensor.contiguous() for name, tensor in held.tensors.items()}
        self.artifacts.write(_name(job_id), save(tensors, header))

    def read(self, job_id: str) -> Snapshot | None:
        """None where there is none that can be read: the job then starts over."""
        data = self.artifacts.read(_name(job_id))
        if data is None:
            return None
        try:
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
            if header["format"] != _FORMAT:
                raise ValueError(f"the format is {header['format']}")
            return Snapshot(int(header["step"]), load(data), json.loads(header["numbers"]))
        except (SafetensorError, ValueError, KeyError) as error:
            log.warning("the checkpoint of job %s cannot be read: %s", job_id, error)
            return None

    def delete(self, job_id: str) -> None:
        self.artifacts.delete(_name(job_id))

    def job_ids(self) -> list[str]:
        found = self.artifacts.names(FOLDER)
        return [name.rsplit("/", 1)[-1].removesuffix(".safetensors") for name in found if name.endswith(".safetensors")]


def _name(job_id: str) -> str:
    return f"{FOLDER}/{job_id}.safetensors"
