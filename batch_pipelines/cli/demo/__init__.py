"""`bp demo`: what the product does, act by act, on real input. command.py has the list of acts, each has a module."""
