"""Scoring part by part, on one machine or on many (Ray Data); runs that lie in an object store."""
