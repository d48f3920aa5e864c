"""The long form of readings: `meter,quantity,time,value` with ISO 8601 times and offsets, as CSV (gzip) or Parquet."""

from aquavolt.longform.faults import LongFormError, RowFault, RowFaults
from aquavolt.longform.progress import Progress
from aquavolt.longform.reading import ImportReport, Sink, batches, batches_in_time_order, import_file
from aquavolt.longform.writing import ExportReport, export_file, write_file

__all__ = [
    "ExportReport",
    "ImportReport",
    "LongFormError",
    "Progress",
    "RowFault",
    "RowFaults",
    "Sink",
    "batches",
    "batches_in_time_order",
    "export_file",
    "import_file",
    "write_file",
]
