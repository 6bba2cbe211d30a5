"""What people do with enrollments and tasks by hand: at the command line and over the API."""
