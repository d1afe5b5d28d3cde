"""The commands, a file for each family; `neurontology.cli` gives them their names."""
