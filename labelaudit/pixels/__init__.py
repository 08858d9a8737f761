"""Bytes to decoded, resized and cached pixels; unreadable pictures; duplicates and their conflicts."""
