"""Neuronpedia's sparsity server on our models: `SPARSITY_SERVER=http://host/sparsity/MODEL` points its pane here."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app import urls
from app.deps import TheSettings, TheSparsity
from app.errors import refusals
from app.schemas.sparsity import ChannelConnections, NeuronConnections, SparsityModel

router = APIRouter(tags=["sparsity"])

Depth = Annotated[int, Query(ge=0, le=6, description="hops of the trace")]
TraceK = Annotated[int, Query(ge=1, le=8, description="channels, and neurons a layer, at each hop")]
TopK = Annotated[int, Query(ge=1, le=1000, description="neurons a layer")]


def _open(response: Response, settings: TheSettings) -> None:
    """Pages of other sites may read these answers where the setting says so."""
    if settings.sparsity_origin is not None:
        response.headers["access-control-allow-origin"] = settings.sparsity_origin
        response.headers["vary"] = "Origin"


@router.get(urls.SPARSITY, summary="A model's sizes, for Neuronpedia's sparsity pane", responses=refusals(404))
def about(model: str, sparsity: TheSparsity, settings: TheSettings, response: Response) -> SparsityModel:
    _open(response, settings)
    return sparsity.about(model)


@router.get(
    urls.SPARSITY_NEURON,
    summary="What a neuron leads to and comes from, by weights alone",
    responses=refusals(400, 404),
)
def neuron(
    model: str,
    layer: int,
    neuron: int,
    sparsity: TheSparsity,
    settings: TheSettings,
    response: Response,
    trace_depth: Depth = 2,
    trace_k: TraceK = 3,
) -> NeuronConnections:
    _open(response, settings)
    return sparsity.neuron(model, layer, neuron, trace_depth, trace_k)


@router.get(
    urls.SPARSITY_CHANNEL, summary="Neurons that read or write a residual channel", responses=refusals(400, 404)
)
def channel(
    model: str, channel_id: int, sparsity: TheSparsity, settings: TheSettings, response: Response, top_k: TopK = 10
) -> ChannelConnections:
    _open(response, settings)
    return sparsity.channel(model, channel_id, top_k)
