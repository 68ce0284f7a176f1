"""Collections inside other frameworks: one small class each, imported only by whoever has it."""
