"""InfluxDB 2 as the store of readings and intervals.

Measurements, in millisecond precision, all with the tags `site`, `meter`, `quantity`:

    bucket B              reading         value (float), quality (integer)      one a reading
    bucket B_intervals    interval        usage (float), quality (integer)      15 min; time is the start
    bucket B_intervals    interval_hour   usage (float), quality (integer)      sums of whole hours

A series is a (meter, quantity) of the site, so there are as many as channels. `identifiers` says how ids are written
that InfluxDB could not hold as they are.
"""
