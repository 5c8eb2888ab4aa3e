"""The server: listening, guards, TLS, hops to other processes, figures and the audit line."""
