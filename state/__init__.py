"""What a certificate is, and where it is kept."""
