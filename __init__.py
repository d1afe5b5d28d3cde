"""neurontology: name the hidden neurons of convolutional networks with class expressions."""

__version__ = "0.1.0"
