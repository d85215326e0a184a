"""Taint analysis: which values may hold text written by outsiders, and what they may reach."""
