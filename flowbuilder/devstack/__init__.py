"""The local development stack: the processes behind `flowbuilder up` and `flowbuilder demo`."""
