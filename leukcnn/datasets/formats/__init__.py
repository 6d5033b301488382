"""The image formats, one module each: `read_header` and `decode`."""
