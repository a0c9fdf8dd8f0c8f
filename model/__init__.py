"""Arithmetic of weight-sparse transformers and their circuits: tensors and frozen values in and out, no web."""
