"""The subcommands of `elmo-cache`, a file each or two, and what they print of a plan and a cache."""
