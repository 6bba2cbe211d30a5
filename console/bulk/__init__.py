"""Doing the same with many enrollments: choosing them, showing them, going through them."""
