"""interim"""
from __future__ import annotations
from dataclasses import dataclass
from typing import Any
@dataclass(frozen=True)
class Shape:
    trust: Any = None
    presence: str = "always"
    @classmethod
    def unknown(cls): return cls()
    @classmethod
    def from_json_schema(cls, schema): return cls()
    @classmethod
    def of_value(cls, value): return cls()
