"""Do: workers take batches and deliver them, apply events, enroll prospects, notify owners."""
