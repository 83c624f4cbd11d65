"""The audit log: who changed what and who was shown whose data, appended, chained and sealed. docs/audit-log.md describes it."""
