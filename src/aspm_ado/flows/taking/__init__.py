"""What is asked, and where a token comes from: a person, a file, a variable."""
