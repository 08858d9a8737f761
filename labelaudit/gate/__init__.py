"""Limits against a report: pass or fail, and saying it to people and to CI systems."""
