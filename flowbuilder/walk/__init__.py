"""The walk: which step runs next, given a plan and the outcomes and decisions so far. Pure."""
