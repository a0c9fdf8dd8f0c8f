"""Circuits compiled to what they are: small matrices between their kept nodes."""

from model.compiled.circuit import CompiledCircuit, compile_circuit

__all__ = ["CompiledCircuit", "compile_circuit"]
