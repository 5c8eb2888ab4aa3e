"""The audit: what the stream and the stores say of money and numbers, judged a second time."""
