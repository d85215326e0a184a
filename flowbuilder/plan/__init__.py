"""The compiled form of a definition: the tree of nodes that a walk runs."""
