"""The HTTP edge: what channels and support call, answered by command and reply."""
