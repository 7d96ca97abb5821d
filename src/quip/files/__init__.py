"""Files that outlive a crash, and locks on them: for every package that keeps something on disk."""
