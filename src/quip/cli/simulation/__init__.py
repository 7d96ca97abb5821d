"""quip-network-simulator: real nodes in processes of their own, watched over RPC and their logs until a report."""
