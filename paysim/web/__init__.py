"""The local app for people who do not write code: a view on run folders that starts runs as child processes.

Server-rendered pages; the browser needs no address but this one. The server holds nothing that a restart would lose:
what was asked for, how far it is and what came out all stand in files below the outputs folder.
"""
