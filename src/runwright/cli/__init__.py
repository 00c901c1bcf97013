"""Room of the command line: for hands. It speaks only the HTTP API, to a server or to an engine in its own process.

``main`` has the commands, ``invocation`` what they share, ``connect`` finds whom to ask, ``client`` asks, ``output``
answers. Nothing here touches the store, and nothing imports this room.
"""
