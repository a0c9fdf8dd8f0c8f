"""Training of weight-sparse transformers (paper A.1 and A.2)."""
