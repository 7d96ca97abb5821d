"""L0: hashes, RLP, keys and signatures; one file touches each crypto library."""
