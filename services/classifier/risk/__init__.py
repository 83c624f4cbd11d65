"""Risk of denial before a claim is sent: what is learned of claims and answers, and `POST /v1/risk`."""
