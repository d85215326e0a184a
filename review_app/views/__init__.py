"""The pages: one module each, with a function `view` that draws it."""
