"""The HTTP behaviour of a model: no files, no sockets, no framework, no state of the module.

Everything here turns a `Request` into a `Response`. Hosts are behind `WebApp`, processes behind
`WorkerContext`.
"""
