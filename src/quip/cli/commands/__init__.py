"""One file a command; loaded when the command is used."""
