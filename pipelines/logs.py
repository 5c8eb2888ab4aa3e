"""One form for every log line: our own, and those of the libraries below us.

Owns the set-up (JSON or console, to standard error) and the rule that no line carries a secret or a
whole certificate number. Must not decide what is worth logging.
"""
