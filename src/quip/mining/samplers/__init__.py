"""Everything that draws low-energy configurations."""
