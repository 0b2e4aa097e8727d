"""What both commands need and neither owns: the terminal, progress, processes, downloads, quiet imports."""
