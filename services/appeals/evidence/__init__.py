"""What an appeal needs behind it: a checklist by category and payer, what of it is there, and what Recours attaches by itself."""
