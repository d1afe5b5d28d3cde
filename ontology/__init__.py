"""What is known: vocabulary, quad store, class hierarchy, class expressions, SPARQL."""
