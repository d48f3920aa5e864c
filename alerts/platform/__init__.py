"""The repair platform (报修平台) that an office may have already: orders told to it, its events brought in.

Where there is one it is the master: what it says of an order holds, and only the meters' verification is ours.
"""
