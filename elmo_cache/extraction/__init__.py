"""The build of a cache: the plan, the shards, the processes that make them."""
