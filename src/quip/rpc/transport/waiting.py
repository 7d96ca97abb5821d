"""How long a connection that does not go on is waited for."""

WAIT_S = 30.0
