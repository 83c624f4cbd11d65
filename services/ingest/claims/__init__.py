"""Claims as providers send them, and what payers' front doors answer: taken in, booked, told of."""
