"""Features, the models of the strategies, and the returns of following them."""
