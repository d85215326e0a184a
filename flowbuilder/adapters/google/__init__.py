"""Google APIs: access tokens and Search Console."""
