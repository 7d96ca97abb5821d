"""New blocks and transactions: judged, fetched, passed on."""
