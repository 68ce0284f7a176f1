"""Text to token ids, token offsets, and token estimates."""
