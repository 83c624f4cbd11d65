"""What is sent to payers: recorded, never twice at one level, and sent by the channels that Recours serves itself."""
