"""Taint analysis: which values may contain text written by outsiders, and which sinks they reach."""
