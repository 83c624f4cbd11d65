"""The spine: outbox, relay, consumer, inbox, dead letters and topics."""
