"""The whole flow in one process over a log in memory, driven by seeded steps."""
