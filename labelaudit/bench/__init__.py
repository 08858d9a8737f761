"""Noise on purpose, the audit and its baselines side by side, scored by the truth."""
