"""What every host and every worker context must do, on each of them."""
