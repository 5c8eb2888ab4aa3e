"""The flow: contracts, topics, stages, the runtime, settings and the command line."""
