"""The pure domain of one certificate: no clock, no randomness, no input or output."""
