"""The whole path as processes: `ebb` commands on a real Kafka and a real Redis."""
