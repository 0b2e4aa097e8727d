"""What the results of trials show: statistics, tables and pictures."""

from trainer.report.pictures import plot
from trainer.report.tables import summary, table, write_summary

__all__ = ["plot", "summary", "table", "write_summary"]
