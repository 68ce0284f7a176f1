"""Graphs and sessions of ONNX Runtime, for all architectures."""
