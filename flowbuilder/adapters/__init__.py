"""The outside worlds: one a file, and the only home of the libraries that reach them."""
