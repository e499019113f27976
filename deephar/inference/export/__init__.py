"""Files of results: `open_writer` writes them as they come, `read_results` reads them back; see docs/results.md."""

from deephar.inference.export.about import About
from deephar.inference.export.jsonl import JsonLines, Printed, Results, read_results
from deephar.inference.export.opening import end_of, open_writer
from deephar.inference.export.table import Table
from deephar.inference.export.writing import Writer

__all__ = ["About", "JsonLines", "Printed", "Results", "Table", "Writer", "end_of", "open_writer", "read_results"]
