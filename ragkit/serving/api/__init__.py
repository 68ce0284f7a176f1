"""The routes: ragkit's own API and the OpenAI-compatible one."""
