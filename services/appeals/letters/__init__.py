"""Letters to payers and the packets that carry them: from the case, the claim and its documents to pages that a person signs."""
