"""The subcommands of `elmo-train`, one file each, and their options."""
