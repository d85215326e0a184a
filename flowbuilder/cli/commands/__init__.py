"""The commands, one module each (imported only when the command runs), in a folder per section of the help."""
