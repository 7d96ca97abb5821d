"""What the rules are worth to a miner who breaks them: an optimal-policy solver, and chains that play its policies."""
