"""What the ablation lab finds as it crosses the wire, and interventions as they come in."""

from collections.abc import Sequence

from app import convert
from app import schemas as wire
from app.schemas import lab
from model import interplay, measure, steering, sweep
from model.corpus_loss import Found
from model.intervention import Part, Setting
from model.subject import Subject


def setting(asked: lab.Intervention) -> Setting:
    if isinstance(asked, lab.Hold):
        return Setting("value", asked.value)
    return Setting("steer", asked.t) if isinstance(asked, lab.Steer) else Setting(asked.mode)


def asked(part: Part) -> lab.Intervention:
    mode, amount = part.setting
    if mode == "value":
        return lab.Hold(mode=mode, on=part.on, value=amount)
    return lab.Steer(mode=mode, on=part.on, t=amount) if mode == "steer" else lab.Cut(mode=mode, on=part.on)


def interplay_of(parts: Sequence[Part], found: interplay.Interplay) -> lab.Interplay:
    return lab.Interplay(
        parts=[
            lab.PartEffect(
                on=part.on,
                n_nodes=len(part.nodes),
                n_edges=len(part.edges),
                alone_nats=convert.interval(alone),
                without_nats=convert.interval(without),
            )
            for part, alone, without in zip(parts, found.alone, found.without, strict=True)
        ],
        joint_nats=convert.interval(found.joint),
        sum_nats=convert.interval(found.total),
        beyond_nats=convert.interval(found.beyond),
    )


def curve(found: steering.SteerCurve) -> lab.SteerCurve:
    return lab.SteerCurve(
        nodes=[str(node) for node in found.nodes],
        points=[
            lab.SteerPoint(
                t=point.t,
                on_first=convert.interval(point.on_first),
                on_second=convert.interval(point.on_second),
                loss_nats=convert.interval(point.loss_nats),
            )
            for point in found.points
        ],
    )


def control(drawn: steering.Control, found: steering.SteerCurve) -> lab.SteerControl:
    shown = curve(found)
    return lab.SteerControl(
        nodes=shown.nodes,
        points=shown.points,
        stand_ins=[lab.StandIn(site=one.site, taken_from=one.taken_from) for one in drawn.stand_ins],
    )


def corpus(found: Found) -> lab.CorpusEffect:
    return lab.CorpusEffect(
        kind="measured",
        before_nats=convert.interval(measure.interval(found.before)),
        after_nats=convert.interval(measure.interval(found.after)),
        change_nats=convert.interval(measure.interval(found.after - found.before)),
        n_tokens=found.n_tokens,
        n_windows=len(found.before),
    )


def sweep_of(
    request: lab.SweepRequest, record: wire.CircuitDetail, subject: Subject, found: sweep.Sweep, elapsed_ms: float
) -> lab.Sweep:
    """Largest rise of the loss first; equal ones in forward order."""
    weights = {(edge.source, edge.target): edge.weight for edge in record.edges}
    nodes = [
        lab.SweptNode(
            node=str(node),
            label=node.label(subject.config),
            effect_nats=convert.interval(effect),
            accuracy_change=share,
        )
        for node, (effect, share) in found.nodes.items()
    ]
    edges = [
        lab.SweptEdge(
            source=str(edge.source),
            target=str(edge.target),
            weight=weights[str(edge.source), str(edge.target)],
            effect_nats=convert.interval(effect),
            accuracy_change=share,
        )
        for edge, (effect, share) in found.edges.items()
    ]
    return lab.Sweep(
        calibrated=record.calibration is not None,
        circuit=record.id,
        model=subject.name,
        task=record.task,
        mode=request.mode,
        n_pairs=found.before.n_pairs,
        seed=request.seed,
        split="heldout",
        before=convert.measure(found.before),
        nodes=sorted(nodes, key=lambda node: -node.effect_nats.value),
        edges=sorted(edges, key=lambda edge: -edge.effect_nats.value),
        left_out=None
        if request.mode != "resample"
        else "edges: they can be set to their source's mean or to zero only",
        elapsed_ms=elapsed_ms,
    )
