"""How models learn: one protocol, one file for each library."""
