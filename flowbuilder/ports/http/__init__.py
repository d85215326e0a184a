"""HTTP with egress control: requests, answers, and what an answer says about a failure."""

from flowbuilder.ports.http.messages import KEPT_ACROSS_ORIGINS, Http, HttpRequest, HttpResponse, Part

__all__ = ["KEPT_ACROSS_ORIGINS", "Http", "HttpRequest", "HttpResponse", "Part"]
