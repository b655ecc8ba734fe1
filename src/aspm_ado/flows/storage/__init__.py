"""What is stored, and how, so that a crash leaves something whole."""
