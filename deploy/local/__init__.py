"""The whole system on one machine: PostgreSQL, Kafka and every process, started and stopped together."""
