"""DL/T 645-2007 and -1997: China's electricity meters, on a serial line or behind a converter. Reading only."""
