"""`make drill`: all four databases are lost under load, restored, and counted to the cent."""
