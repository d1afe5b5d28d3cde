"""Between network and knowledge base: models, activations, labels of units, labels as triples."""
