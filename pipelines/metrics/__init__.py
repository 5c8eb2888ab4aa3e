"""Figures for Prometheus: what a worker counts, what it samples, and the closed list of both."""
