"""The crash matrix: the product dies at every commit and every socket, and the books agree all the same."""
