"""Exports of chats: one document per conversation, or per channel and day."""
