"""Clock, network and disk without sockets, sleeps or files."""
