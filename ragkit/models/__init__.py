"""Which encoder a collection uses, and the models that can be had."""
