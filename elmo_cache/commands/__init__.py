"""The subcommands of `elmo-cache`, a file each or two."""
