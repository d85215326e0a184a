"""The walk: which steps start next, given a plan and the outcomes and decisions so far. Pure."""
