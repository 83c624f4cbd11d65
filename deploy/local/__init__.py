"""The whole system on one machine: PostgreSQL, Kafka and every process."""
