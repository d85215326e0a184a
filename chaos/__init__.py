"""Chaos test of a real installation: faults in databases, servers, workers and wake-ups, then a verdict.

`python -m chaos --seconds 600` runs it. A seed fixes the schedule of faults. The evidence is the store, the target's
own log, and the results of the reviewers' decisions.
"""
