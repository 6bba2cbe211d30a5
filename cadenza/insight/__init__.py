"""What an operator wants to know: where things stand, and why they wait."""
