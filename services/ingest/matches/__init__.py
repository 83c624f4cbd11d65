"""Remits and the claims that they answer: matched, judged anew when a claim comes, decided by people, summed up to balances."""
