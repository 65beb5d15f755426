"""Nouns and rules: what is stored, and what may be.  No I/O; imports nothing of ours but errors."""
