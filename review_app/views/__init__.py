"""The pages, one a file: each has a `view` function that draws it."""
