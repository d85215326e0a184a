"""WordPress: its addresses, its blocks, and what it stores of a text."""

from flowbuilder.adapters.cms.wordpress.adapter import WordPress
from flowbuilder.adapters.cms.wordpress.publishable import publishable

__all__ = ["WordPress", "publishable"]
