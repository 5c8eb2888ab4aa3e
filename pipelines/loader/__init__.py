"""The bulk load: certificate numbers from a file into a pool."""
