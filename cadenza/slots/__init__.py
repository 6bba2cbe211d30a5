"""The times of sender accounts: which are taken, who gets which, who gets what became free."""
