"""The course of enrollments under way: what happens to them, and what follows from it."""
