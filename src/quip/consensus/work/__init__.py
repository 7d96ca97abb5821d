"""Work as a number: levels, units, and the ladder of margins."""
