"""ModernBERT: the forward pass, its graph, and its session."""
