"""What any long-running process needs: clock, logs, metrics, listeners, service manager."""
