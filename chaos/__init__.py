"""A real installation in which everything fails: databases, servers, workers, wake-ups and people; and a verdict.

`python -m chaos --seconds 600` runs it. The faults come by a seed; the proof is what is left behind: our own record,
the target's own log, and what the people were told.
"""
