"""What all commands share in reading flags and printing."""
