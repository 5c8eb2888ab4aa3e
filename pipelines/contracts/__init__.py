"""The contracts: Avro schemas, the bytes on the topics, and decimal amounts."""
