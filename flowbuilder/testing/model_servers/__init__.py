"""Servers of model providers that run on this machine and misbehave as real ones do."""

from flowbuilder.testing.model_servers.replies import BEHAVIOURS, Reply
from flowbuilder.testing.model_servers.server import ModelServer
from flowbuilder.testing.model_servers.wires import WIRES, Sent, Wire

__all__ = ["BEHAVIOURS", "WIRES", "ModelServer", "Reply", "Sent", "Wire"]
