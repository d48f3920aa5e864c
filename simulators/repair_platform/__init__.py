"""A small repair platform (报修平台): takes signed orders, gives numbers, says what its people do.

It has no code of AquaVolt's: signatures and names are written from the documentation, so that a mistake on our side
is not shared. `state.py` is the platform without sockets, `misdeeds.py` what no platform should do, `server.py` HTTP.
"""
