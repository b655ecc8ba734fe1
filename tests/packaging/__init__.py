"""What leaves the checkout: the wheel, the README and the texts beside it."""
