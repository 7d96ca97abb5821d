"""What a valid proof costs, measured, and the ladder made from it.

measure: energies on many random instances -> summary: the few numbers that pricing needs (kept in docs/calibration)
-> pricing: expected cost per proof of every strategy -> ladder: levels, margins, plans -> verify: real attempts at
three levels.
"""
