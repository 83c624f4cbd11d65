"""Working on a case with others: messages, and links by which one guest sees what was shared and answers, and nothing else."""
