"""Addresses of pages: which file of a folder is at which address of a site."""
