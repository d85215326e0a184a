"""The rules of a definition: one a file. Each says what is wrong, with a Wrong and a Right document."""
