"""The methods and the objects that they answer with."""
