"""Circuits compiled to what they are: small matrices between their kept nodes."""

from model.compiled.circuit import CompiledCircuit, Gated, compile_circuit

__all__ = ["CompiledCircuit", "Gated", "compile_circuit"]
