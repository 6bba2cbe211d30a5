"""When: leases shards, cuts what is due into batches, releases them, settles what crashed."""
