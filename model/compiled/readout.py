"""The end of a compiled circuit: the final norm and the unembedding of two candidates, or of the whole vocabulary."""

from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from model.compiled.nodes import Gates, Kept, column
from model.compiled.stream import State, Stream
from model.means import Means
from model.sites import FINAL


class Question:
    """What is asked of each prompt: the difference between two candidates' logits after its last token."""

    def __init__(
        self,
        readout: "Readout",
        tokens: Int[Tensor, " prompt"],
        positions: Int[Tensor, " prompt"],
        candidates: Int[Tensor, "prompt 2"],
    ) -> None:
        model, stream = readout.model, readout.stream
        unembed = model.lm_head.weight.detach().float()
        right, wrong = candidates.unbind(dim=1)
        direction = unembed[right] - unembed[wrong]
        scaled = direction * readout.weight
        #: What the answer takes from each channel that changes, and from all others.
        self.weights: Float[Tensor, "channel prompt"] = scaled[:, readout.changing].t()
        self.total = scaled.sum(dim=1)
        bias = cast(Tensor, model.final_logits_bias)
        self.added = bias[right] - bias[wrong]
        if model.ln_f.bias is not None:
            self.added = self.added + direction @ model.ln_f.bias.detach().float()
        if model.config.enable_bigram_table:
            table = model.bigram_table.detach()
            self.added = self.added + table[tokens, right] - table[tokens, wrong]
        rest = stream.embedded(tokens[:, None], positions[:, None])[:, 0] + stream.constants[-1]
        self.static = rest[:, readout.changing].t()
        if readout.final is not None:
            rest = readout.final_mean.expand_as(rest)
        rest = rest.index_fill(1, readout.changing, 0.0)
        self.rest = (rest * scaled).sum(dim=1)
        self.rest_squares = rest.square().sum(dim=1)
        self.rest_sums = rest.sum(dim=1)


class Readout:
    """`final` are the kept nodes of `final_resid`, None where the circuit does not mask it."""

    def __init__(self, stream: Stream, means: Means, final: Kept | None) -> None:
        self.stream, self.model, self.final = stream, stream.model, final
        self.weight = self.model.ln_f.weight.detach().float()
        if final is None:
            self.changing = stream.written
        else:
            self.changing = final.indices
            self.final_mean = means[FINAL].float()
            place = stream.place[final.indices]
            self.is_written = (place >= 0) & (place < len(stream.written))
            self.places = place[self.is_written]

    def difference(self, state: State, question: Question, gates: Gates) -> Float[Tensor, "variant prompt"]:
        """Right minus wrong candidate's logit; the state holds one position of each prompt."""
        x = state.x[..., 0] + self.stream.constants[-1][self.stream.written][:, None, None]
        if self.final is not None:
            kept = question.static[:, None].expand(-1, x.shape[1], -1).clone()
            kept[self.is_written] = x[self.places]
            mean = column(self.final.mean)
            x = (mean + gates.deviation(kept[..., None] - mean, self.final))[..., 0]
        width = self.stream.config.d_model
        squares = x.square().sum(dim=0) + question.rest_squares
        answer = (x * question.weights[:, None]).sum(dim=0) + question.rest
        if self.model.ln_f.rms:
            factor = torch.rsqrt(squares / width + torch.finfo(torch.float32).eps)
            return answer * factor + question.added
        centre = (x.sum(dim=0) + question.rest_sums) / width
        factor = torch.rsqrt(squares / width - centre.square() + 1e-5)
        return (answer - centre * question.total) * factor + question.added

    def logits(self, state: State, gates: Gates) -> Float[Tensor, "variant prompt pos vocab"]:
        """All logits at the positions that the state holds."""
        static, stream = state.static, self.stream
        base = stream.embedded(static.tokens, static.positions) + stream.constants[-1]
        x = base.expand(state.x.shape[1], -1, -1, -1).clone()
        x[..., stream.written] = state.x.permute(1, 2, 3, 0) + stream.constants[-1][stream.written]
        if self.final is not None:
            kept = x[..., self.final.indices].permute(3, 0, 1, 2)
            left = gates.deviation(kept - column(self.final.mean), self.final) + column(self.final.mean)
            x = self.final_mean.expand_as(x).clone()
            x[..., self.final.indices] = left.permute(1, 2, 3, 0).expand(*x.shape[:3], -1)
        logits = self.model.lm_head(self.model.ln_f(x)) + self.model.final_logits_bias
        if self.model.config.enable_bigram_table:
            logits = logits + F.embedding(static.tokens, self.model.bigram_table)
        return logits
