"""Still pictures of circuits, drawn on the server: the same circuit, the same bytes."""

from app.pictures.paint import svg
from app.pictures.raster import png

__all__ = ["png", "svg"]
