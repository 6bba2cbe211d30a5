"""Planning under limits: which time each touch gets, so that a day is spread and never refused."""
