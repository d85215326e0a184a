"""Command input: workflow files, inputs, and decisions entered on the terminal."""
