"""HTTP under egress control, and reading HTML pages."""

from flowbuilder.adapters.http.guarded_http import GuardedHttp

__all__ = ["GuardedHttp"]
