"""The shell around the overlay: sockets, threads, clock."""
