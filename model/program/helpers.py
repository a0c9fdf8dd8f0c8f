"""The few functions that a program calls, as text; a program holds those that it uses."""

HELPERS = {
    "rms": '''
def rms(x, rest):
    """Root mean square of the stream; `rest` is the sum of squares of the channels that the circuit leaves alone."""
    return np.sqrt((sum(v**2 for v in x.values()) + rest) / WIDTH + 1.1920929e-07)
''',
    "centre_and_scale": '''
def centre_and_scale(x, rest, rest_sum):
    """Mean and standard deviation of the stream; `rest` is about the channels that the circuit leaves alone."""
    centre = (sum(x.values()) + rest_sum) / WIDTH
    return centre, np.sqrt((sum(v**2 for v in x.values()) + rest) / WIDTH - centre**2 + 1e-5)
''',
    "relu": """
def relu(x):
    return np.maximum(x, 0.0)
""",
    "gelu": """
def gelu(x):
    return x * 0.5 * (1.0 + np.vectorize(math.erf)(np.asarray(x) / math.sqrt(2.0)))
""",
    "by_query": '''
def by_query(q):
    """A value of each query, beside all keys: [..., query, 1]."""
    return q[..., :, None]
''',
    "by_key": '''
def by_key(k):
    """A value of each key, under all queries: [..., 1, key]."""
    return k[..., None, :]
''',
    "attend": '''
def attend(score, sink=None):
    """Softmax over the keys up to each query; a sink takes its part of it and gives nothing."""
    n = score.shape[-1]
    score = np.where(np.tri(n, dtype=bool), score, -np.inf)
    top = score.max(axis=-1, keepdims=True) if sink is None else np.maximum(score.max(axis=-1, keepdims=True), sink)
    parts = np.exp(score - top)
    return parts / (parts.sum(axis=-1, keepdims=True) + (0.0 if sink is None else np.exp(sink - top)))
''',
    "move": '''
def move(pattern, v):
    """What a head brings to each query: the pattern times the values."""
    return (pattern @ v[..., None])[..., 0]
''',
    "average": '''
def average(v):
    """The mean over all tokens up to each one."""
    return np.cumsum(v, axis=-1) / np.arange(1, v.shape[-1] + 1)
''',
    "share": '''
def share(score, sink, n):
    """What a sink leaves of a head whose keys all score alike: a sigmoid of score - sink + log(tokens so far)."""
    return 1.0 / (1.0 + np.exp(sink - score) / np.arange(1, n + 1))
''',
    "survive": '''
def survive(kept, ours, rivals):
    """AbsTopK: the `kept` largest magnitudes of ours and the rivals stay; those of ours that do not become zero."""
    sizes = np.abs(np.stack(np.broadcast_arrays(*ours, *rivals)))
    limit = np.sort(sizes, axis=0)[-min(kept, len(sizes))] if kept else np.inf
    return [np.where(np.abs(v) >= limit, v, 0.0) for v in ours]
''',
    "rivals": '''
def rivals(matrix, inputs, constant):
    """What competes with kept nodes: rows of a matrix that nothing else reads, one after another."""
    moved = np.stack(np.broadcast_arrays(*inputs), axis=-1) @ matrix.T if inputs else 0.0
    return np.moveaxis(constant + moved, -1, 0)
''',
    "matrix": '''
def matrix(shape, entries):
    """A matrix from (row, column, value) of what is not zero."""
    full = np.zeros(shape)
    for row, column, value in entries:
        full[row, column] = value
    return full
''',
    "column": '''
def column(values):
    """A number for each token, zero where none is given."""
    full = np.zeros(VOCAB)
    full[list(values)] = list(values.values())
    return full
''',
}
