"""Ghost as a CMS: posts and pages through its Admin API, their documents as texts of blocks."""

from __future__ import annotations

from flowbuilder.adapters.cms.ghost.adapter import Ghost

__all__ = ["Ghost"]
