"""Enrolling people: what a message may say, who each row means, and who may begin when."""
