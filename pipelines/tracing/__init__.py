"""Traces: where a call or a source's record went, as spans that a collector joins into one tree."""
