"""The machine: every event comes in here, every action goes out."""
