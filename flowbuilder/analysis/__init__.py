"""Static analysis: names, shapes, nullability and taint of a definition, and the rules that report faults."""
