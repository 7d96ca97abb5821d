"""Which peers there are, which are dialled, admitted, evicted, banned."""
