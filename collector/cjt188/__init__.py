"""CJ/T 188-2004 and -2018: China's water, heat and gas meters, on a serial line or behind a converter. Reading only."""
