"""Real nodes as processes of this machine: started, watched over RPC and their logs, killed, reported on."""
