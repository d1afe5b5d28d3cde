"""The embedded example: synthetic scenes, a small CNN, a miniature wiki, and the demo that uses them."""
