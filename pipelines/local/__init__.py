"""The flow on one machine, for development, tests and the demo: a broker, its topics, the workers.

Nothing here runs in production, and no worker imports it.
"""
