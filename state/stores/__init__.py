"""The codec between the domain's records and stored bytes, and reading them from another thread."""
