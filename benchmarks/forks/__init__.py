"""Two real nodes mine, are cut apart again and again, and what their chain paid is recomputed from its headers."""
