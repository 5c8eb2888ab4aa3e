"""Bringing a worker's stores to where their changelogs are, and trusting none that may be old."""
