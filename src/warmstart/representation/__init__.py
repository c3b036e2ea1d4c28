"""Ids to vectors: item text, static language-model vectors, user context."""
