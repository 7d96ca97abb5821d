"""QUIC: the only package that knows aioquic. It knows no message and no peer."""
