"""Every decoder of outside bytes as a function of bytes: atheris searches, `make test` replays the corpus."""
