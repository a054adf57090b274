"""Which renderer writes which format."""

from collections.abc import Mapping
from types import MappingProxyType

from batch_pipelines.reporting.render.files import CsvRenderer, JsonRenderer, ParquetRenderer
from batch_pipelines.reporting.render.html import HtmlRenderer
from batch_pipelines.reporting.render.pdf import PdfRenderer
from batch_pipelines.reporting.render.renderer import Renderer
from batch_pipelines.reporting.render.xlsx import XlsxRenderer

RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {
        "pdf": PdfRenderer(),
        "xlsx": XlsxRenderer(),
        "html": HtmlRenderer(),
        "csv": CsvRenderer(),
        "parquet": ParquetRenderer(),
        "json": JsonRenderer(),
    }
)
