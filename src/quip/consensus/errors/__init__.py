"""One class per broken rule, by what is broken; `root` draws the tree."""
