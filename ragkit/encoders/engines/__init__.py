"""What computes the forward pass: CPU engines, torch, and their threads."""
