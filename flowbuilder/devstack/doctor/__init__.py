"""The set-up checks behind `flowbuilder doctor`."""
