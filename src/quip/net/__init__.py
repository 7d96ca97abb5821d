"""L4: networking. All is sans-IO (events and `now` in, actions out) but `quic` and `peers.trust_db`."""
