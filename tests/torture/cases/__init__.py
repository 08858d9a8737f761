"""Malformed things, and what must come of each."""
