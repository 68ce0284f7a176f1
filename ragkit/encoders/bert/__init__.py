"""BERT's forward pass: NumPy, the ONNX graph built from the weights, and its session."""
