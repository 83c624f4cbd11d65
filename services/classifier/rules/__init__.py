"""Rules of a tenant: what it changes in the judgement of its payers, by version; kept, checked, tried over the past."""
