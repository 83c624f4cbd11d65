"""What payers ask for before they decide: kept, attached to a case, answered."""
