"""What is measured, one file a subject: `python -m benchmarks` runs all and writes docs/benchmarks.md."""
