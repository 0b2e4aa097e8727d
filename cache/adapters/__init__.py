"""Functions and small classes that hand a split to other libraries; each file needs its own library only."""
