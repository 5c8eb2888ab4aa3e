"""Who may do what on Kafka: one table of rights, and making a cluster's ACLs match it."""
