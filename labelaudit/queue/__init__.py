"""Ranked rows out to annotators' tools, and their decisions back in. No torch."""
