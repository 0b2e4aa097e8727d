"""What the results of trials show: statistics, tables and pictures."""

from trainer.report.comparison import check_documents, comparison_table
from trainer.report.curves import plot_curve
from trainer.report.losses import plot_losses
from trainer.report.metrics import METRICS, Metric
from trainer.report.pictures import plot
from trainer.report.tables import summary, table, write_summary

__all__ = [
    "METRICS",
    "Metric",
    "check_documents",
    "comparison_table",
    "plot",
    "plot_curve",
    "plot_losses",
    "summary",
    "table",
    "write_summary",
]
