"""What stands behind an appeal: documents that people send, checked by what they hold, kept once, given back as they came."""
