"""Arithmetic of weight-sparse transformers and their circuits: tensors and frozen values in and out, no web."""

import os

# torch's threads sleep between operations: while they spin they take the processors that kernels, other requests and
# other programs run on. libgomp reads this when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# numpy's products are small (bootstrap intervals), and threads of OpenBLAS spin for a tenth of a second after each.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Products of every new shape leave compiled code behind, up to 1,024 of them twice over, in each thread that computes
# beside others: prompts have many lengths, and most shapes are never asked for again.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
os.environ.setdefault("LRU_CACHE_CAPACITY", "64")
