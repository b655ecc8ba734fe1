"""What is true: pure rules and data, without I/O, clock or environment."""
