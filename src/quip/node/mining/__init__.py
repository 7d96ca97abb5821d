"""Where miners get their work and hand in their blocks."""
