"""Label representations: what a network answers. Importing this package registers every label."""
