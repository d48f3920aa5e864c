"""How well the rules find what is there: labelled sets, event by event, beside chance and a trivial rule."""
