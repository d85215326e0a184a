"""Content files in git: one commit for each publication, pushed where the site says so."""
