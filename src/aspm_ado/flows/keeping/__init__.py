"""What is stored, and how it is stored so that a crash leaves something whole."""
