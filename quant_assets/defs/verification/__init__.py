"""What is published, and whether it is reproduced."""
