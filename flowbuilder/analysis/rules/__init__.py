"""The rules of a definition, one file each: an explanation with a wrong and a right document, and `check`."""
