"""The dead letter queue as operators handle it: what lies there, and what was done about it."""
