"""The two ends of a model by residual channel: which tokens write it, which logits it moves."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Wire
from app.schemas.circuits import TokenWeight

ChannelSort = Literal["channel", "embed_norm", "unembed_norm", "embed_nonzero", "unembed_nonzero"]


class ChannelEnd(Wire):
    """One end of a channel: entries of all tokens, the largest of either sign."""

    n_nonzero: int
    norm: float = Field(description="Euclidean, over tokens")
    positive: list[TokenWeight]
    negative: list[TokenWeight]


class ChannelMatch(Wire):
    """What a token that was looked for has in this channel."""

    token: str
    embed: float
    unembed: float


class Channel(Wire):
    """`embed` is what tokens write into the channel, `unembed` (times the final norm's gain) what it adds to logits."""

    channel: int
    embed: ChannelEnd
    unembed: ChannelEnd
    matches: list[ChannelMatch]


class ChannelPage(Wire):
    model: str
    n_channels: int
    n_found: int = Field(description="channels that the search leaves; all without one")
    offset: int
    limit: int
    sort: ChannelSort
    search: str
    tokens_found: list[str] = Field(description="tokens that the search found, the first 20")
    channels: list[Channel]
