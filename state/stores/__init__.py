"""Where the state is kept: the bytes of each record, and reading them from another thread."""
