"""The parts of a walk: names, runs, and how each kind of node begins and ends. `walker.Walk` puts them together."""
