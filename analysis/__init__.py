"""What is computed about labels and units: verification, statistics, the report."""
